"""What Redis does in one step, as Lua."""

__all__ = ["CLAIM", "PUT", "REMOVE", "RESERVE"]

# A change that was made although its answer was lost is known by its version, so it may be sent again.
PUT = """
local record, sending, uncertain, running, undelivered, ended, changes = unpack(KEYS, 1, 7)
local old_key, new_key, old_task, task, claim = unpack(KEYS, 8, 12)
local old, new, ref, state, created, updated, delivered, writer, kept, owner, ttl = unpack(ARGV, 1, 11)
local at = redis.call('HGET', record, 'version') or ''
if at == new then return {1, ''} end
if old ~= '*' and at ~= old then return {0, ''} end
if new_key ~= '' then
  local holder = redis.call('GET', new_key)
  if holder and holder ~= ref then return {2, holder} end
  redis.call('SET', new_key, ref)
end
if owner ~= '' and ttl ~= '0' then
  redis.call('HSET', claim, 'owner', owner, 'ttl', ttl)
  redis.call('PEXPIRE', claim, ttl)
end
if old_key ~= '' and old_key ~= new_key and redis.call('GET', old_key) == ref then redis.call('DEL', old_key) end
if old_task ~= '' and old_task ~= task and redis.call('GET', old_task) == ref then redis.call('DEL', old_task) end
if task ~= '' then redis.call('SET', task, ref, 'NX') end
redis.call('HSET', record, 'version', new, unpack(ARGV, 12))
local sets = {sending = sending, uncertain = uncertain, running = running}
for name, set in pairs(sets) do
  if name ~= state then redis.call('ZREM', set, ref) end
end
if sets[state] then
  redis.call('ZADD', sets[state], created, ref)
  redis.call('ZREM', ended, ref)
  redis.call('ZREM', undelivered, ref)
else
  redis.call('ZADD', ended, updated, ref)
  if state == 'finished' and delivered == '0' then
    redis.call('ZADD', undelivered, updated, ref)
  else
    redis.call('ZREM', undelivered, ref)
  end
end
if old ~= '*' then redis.call('XADD', changes, 'MAXLEN', '~', kept, '*', 'ref', ref, 'by', writer) end
return {1, ''}
"""
"""Keep a record of a given version, or a new one ('*'), unless another holds its key."""

REMOVE = """
local record, sending, uncertain, running, undelivered, ended, key, task = unpack(KEYS)
local ref, before, also_undelivered = unpack(ARGV)
if before ~= '' then
  local at = redis.call('ZSCORE', ended, ref)
  if not at or tonumber(at) >= tonumber(before) then return 0 end
  if also_undelivered == '0' and redis.call('ZSCORE', undelivered, ref) then return 0 end
end
for _, set in ipairs({sending, uncertain, running, undelivered, ended}) do redis.call('ZREM', set, ref) end
for _, index in ipairs({key, task}) do
  if index ~= '' and redis.call('GET', index) == ref then redis.call('DEL', index) end
end
redis.call('DEL', record)
return 1
"""
"""Forget a record; with a time, only if it ended before and, as may be asked, is delivered."""

CLAIM = """
local claim, owner, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2])
local held = redis.call('HMGET', claim, 'owner', 'ttl')
if held[1] and held[1] ~= owner and redis.call('PTTL', claim) <= tonumber(held[2]) then return 0 end
redis.call('DEL', claim)
if ttl > 0 then
  redis.call('HSET', claim, 'owner', owner, 'ttl', ttl)
  redis.call('PEXPIRE', claim, ttl)
end
return 1
"""
"""Claim a name; one that ends further ahead than it was taken for is from before the server's clock was set back."""

# By Redis's clock alone: those of the machines differ, and a place taken in another's future would not be counted.
RESERVE = """
local window, place, calls, period = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', window, '-inf', string.format('%.6f', now - period))
redis.call('ZREMRANGEBYSCORE', window, string.format('(%.6f', now), '+inf')
local taken = redis.call('ZCARD', window)
if taken >= calls and not redis.call('ZSCORE', window, place) then
  local freed = redis.call('ZRANGE', window, taken - calls, taken - calls, 'WITHSCORES')
  return string.format('%.6f', freed[2] + period - now)
end
redis.call('ZADD', window, string.format('%.6f', now), place)
redis.call('PEXPIRE', window, math.ceil(period * 1000))
return ''
"""
"""Take a place in a sliding window, or the seconds until there may be one."""
