"""What Redis does in one step, as Lua."""

from hashlib import sha1

__all__ = ["CLAIM", "PUT", "REMOVE", "RESERVE", "SCRIPTS", "sha_of"]

# What was done although its answer was lost may be sent again: a change is known by its version, and a new record is
# there already, perhaps changed by others since. Without a key or task id, the name of the record stands in its place:
# all names of a script must be on one node of a cluster.
PUT = """
local record, changes, claim, old_key, new_key, old_task, task = unpack(KEYS, 1, 7)
local old, new, ref, task_id, score, leaves, writer, kept, owner, ttl = unpack(ARGV, 1, 10)
local at = redis.call('HGET', record, 'version') or ''
if old ~= '*' then
  if at == new then return {1, ''} end
  if at ~= old then return {0, ''} end
end
if new_key ~= record then
  local holder = redis.call('GET', new_key)
  if holder and holder ~= ref then return {2, holder} end
end
if old == '*' and at ~= '' then return {1, ''} end
if new_key ~= record then redis.call('SET', new_key, ref) end
if owner ~= '' and ttl ~= '0' then
  redis.call('HSET', claim, 'owner', owner, 'ttl', ttl)
  redis.call('PEXPIRE', claim, ttl)
end
if old_key ~= record and old_key ~= new_key and redis.call('GET', old_key) == ref then redis.call('DEL', old_key) end
if old_task ~= record and old_task ~= task and redis.call('GET', old_task) == ref then redis.call('DEL', old_task) end
if task ~= record then redis.call('SET', task, ref, 'NX') end
redis.call('HSET', record, 'version', new, unpack(ARGV, 11))
local entered = 8 + leaves
for number = 8, entered - 1 do redis.call('ZREM', KEYS[number], ref) end
for number = entered, #KEYS do redis.call('ZADD', KEYS[number], score, ref) end
if old ~= '*' then
  redis.call('XADD', changes, 'MAXLEN', '~', kept, '*', 'ref', ref, 'task', task_id, 'by', writer)
end
return {1, ''}
"""
"""Change a record of a given version, or keep a new one ('*'), unless another holds its key."""

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
  if index ~= record and redis.call('GET', index) == ref then redis.call('DEL', index) end
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
local window, calls, period = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZREMRANGEBYSCORE', window, '-inf', string.format('%.6f', now - period))
redis.call('ZREMRANGEBYSCORE', window, string.format('(%.6f', now), '+inf')
local taken, waits = redis.call('ZCARD', window), {}
for number = 3, #ARGV do
  local place, wait = ARGV[number], ''
  if taken >= calls and not redis.call('ZSCORE', window, place) then
    local freed = redis.call('ZRANGE', window, taken - calls, taken - calls, 'WITHSCORES')
    wait = string.format('%.6f', freed[2] + period - now)
  else
    taken = taken + redis.call('ZADD', window, string.format('%.6f', now), place)
  end
  waits[number - 2] = wait
end
redis.call('PEXPIRE', window, math.ceil(period * 1000))
return waits
"""
"""Take places in a sliding window; for each that cannot be taken, the seconds until there may be one."""

SCRIPTS = (PUT, REMOVE, CLAIM, RESERVE)
_SHAS = {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in SCRIPTS}


def sha_of(script: str) -> str:
    """Return the name by which Redis knows one of these."""
    return _SHAS[script]
