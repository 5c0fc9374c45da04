# Each target sets up what it needs, in .venv, from nothing but Python 3.11 or newer.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
# `make test-oldest` needs 3.11: some of the oldest versions have no wheels for newer ones.
PYTHON311 ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
OLDEST := .venv-oldest/bin/python
OLDEST_PIP := $(OLDEST) -m pip --disable-pip-version-check --quiet
# More than there are cores, for they wait for other processes now and then. In large chunks, one would end long after
# the others.
WORKERS := -n 6 --maxschedchunk 16
export NO_MKDOCS_2_WARNING := 1
# Else each of the many processes that tests start would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-page third-party screenshot chromium test-oldest check docs docs-serve test-docs recording terminal examples fuzz chaos bench bench-quick figures resolve dist release-notes \
	clean redis-server postgres-server nginx

help:
	@echo 'make demo         eight songs and two lyrics on the emulator, saved under demo-output/'
	@echo 'make test         lint, types and tests'
	@echo 'make test-oldest  the tests with the oldest versions that pyproject.toml allows, on Python 3.11'
	@echo 'make test-page    the pages of the emulator and of examples/song_page in a headless Chromium'
	@echo 'make test-docs    the site of the docs in a headless Chromium'
	@echo 'make third-party  clients of other people against the emulator'
	@echo 'make check        lint and types'
	@echo 'make docs         the site of docs/ under site/, with its links and spelling checked'
	@echo 'make docs-serve   the same at http://127.0.0.1:8000/'
	@echo 'make examples     the examples, in the frameworks that they are for'
	@echo 'make fuzz         51 000 callbacks from strangers'
	@echo 'make chaos        rounds of 200 jobs: processes killed and forked, clocks set, stores lost, connections closed'
	@echo 'make bench        the numbers of docs/performance.md, in five minutes; make bench-quick: roughly, in 45 s'
	@echo 'make figures      measures them and writes them into README and docs; for a machine that does nothing else'
	@echo 'make resolve      what pip would install beside the frameworks of our users'
	@echo 'make dist         wheel and sdist under dist/, tried in fresh environments'
	@echo 'make release-notes VERSION=0.1.0  what CHANGELOG.md says of a version'

demo: .venv/demo
	$(BIN)/python examples/demo.py

test: check redis-server postgres-server
	$(BIN)/python -m pytest $(WORKERS)

test-oldest: .venv-oldest/dev redis-server postgres-server
	$(OLDEST) -m pytest $(WORKERS)

test-page: .venv/page chromium
	CI=1 $(BIN)/python -m pytest tests/page

third-party: .venv/third-party
	THIRD_PARTY=1 $(BIN)/python -m pytest tests/third_party

screenshot: .venv/page chromium
	$(BIN)/python -m tests.page.screenshot

# Of the system if it is there or apt-get can install it, else the one that playwright downloads.
chromium: .venv/page
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
		if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then \
			SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
			$$SUDO apt-get update -qq; \
			$$SUDO env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends chromium >/dev/null; \
		fi; \
		command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/python -m playwright install chromium; \
	}

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright

docs: .venv/docs/ready
	.venv/docs/bin/python -m mkdocs build --strict --quiet
	.venv/docs/bin/codespell *.md docs/*.md examples/*.md
	@echo 'site/index.html'

docs-serve: .venv/docs/ready
	.venv/docs/bin/python -m mkdocs serve --livereload --watch README.md --watch suno_async

test-docs: docs .venv/page chromium
	CI=1 $(BIN)/python -m pytest tests/page/test_site.py

# The README's picture of `make demo`.
recording: .venv/demo
	$(BIN)/python docs/recording.py

# The README's picture of the command line.
terminal: .venv/demo
	$(BIN)/python docs/terminal.py

examples: .venv/dev .venv/arq/ready .venv/bots/ready .venv/mcp/ready .venv/s3/ready redis-server
	$(BIN)/python -m pytest -n 4 tests/promises/test_examples.py tests/frameworks/test_sync_examples.py \
		tests/frameworks/test_deployment.py tests/frameworks/test_song_page.py \
		tests/frameworks/test_litestar_app.py tests/apps
	.venv/arq/bin/python -m pytest tests/frameworks/test_arq.py
	.venv/bots/bin/python -m pytest tests/bots
	.venv/mcp/bin/python -m pytest tests/apps/test_mcp_server.py
	.venv/s3/bin/python -m pytest tests/apps/test_s3_archive.py

fuzz: .venv/dev
	FUZZ=17000 $(BIN)/python -m pytest tests/promises/test_fuzz.py

chaos: .venv/dev redis-server postgres-server
	$(BIN)/python -m tests.chaos
	BATCH=200 $(BIN)/python -m pytest tests/cli/test_batch.py -k killed

bench: .venv/dev nginx redis-server
	@$(BIN)/python -m benchmarks

bench-quick: .venv/dev nginx redis-server
	@$(BIN)/python -m benchmarks --quick

# All that README and docs claim, with the time of the suite and the scale curve: 12 minutes.
figures: .venv/dev nginx redis-server postgres-server
	$(BIN)/python -m benchmarks --figures

resolve: .venv/dist
	$(BIN)/python tests/resolve.py

dist: .venv/dist
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/python tests/dist.py

# What CHANGELOG.md says of VERSION.
release-notes:
	@python3 docs/release_notes.py '$(or $(VERSION),Unreleased)'

# The Debian package, not started as a service: the benchmarks start it for themselves.
nginx:
	@found() { PATH=$$PATH:/usr/sbin:/usr/local/sbin command -v nginx >/dev/null; }; \
	found || { \
		if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then \
			SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
			$$SUDO apt-get update -qq; \
			$$SUDO env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends nginx-light >/dev/null; \
		fi; \
		found || { echo 'nginx is missing: apt-get install nginx-light, or brew install nginx'; exit 1; }; \
	}

# And Redis: each test run has a server of its own.
redis-server:
	@command -v redis-server >/dev/null || { \
		if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then \
			SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
			$$SUDO apt-get update -qq; \
			$$SUDO env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends redis-server >/dev/null; \
		fi; \
		command -v redis-server >/dev/null || { \
			echo 'redis-server is missing, so the tests over Redis are skipped (in CI they fail).'; \
			echo 'Install it: apt-get install redis-server (Debian, Ubuntu), brew install redis (macOS).'; \
		}; \
	}

# And a pooler, which PostgreSQL often stands behind. Debian makes a cluster when it installs PostgreSQL, unless told not to.
postgres-server:
	@found() { PATH=$$PATH:/usr/sbin command -v pgbouncer >/dev/null && \
		{ command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }; }; \
	found || { \
		if command -v apt-get >/dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then \
			SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
			install() { $$SUDO env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
				--no-install-recommends "$$@" >/dev/null; }; \
			$$SUDO apt-get update -qq; \
			install postgresql-common && { [ -d /usr/lib/postgresql ] || \
			$$SUDO sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' \
				/etc/postgresql-common/createcluster.conf; } && \
			install postgresql pgbouncer; \
		fi; \
		found || { \
			echo 'PostgreSQL or pgbouncer is missing, so tests over them are skipped (in CI they fail).'; \
			echo 'Install them: apt-get install postgresql pgbouncer, or brew install postgresql pgbouncer.'; \
		}; \
	}

clean:
	rm -rf .venv .venv-oldest dist site demo-output .mypy_cache .pytest_cache .ruff_cache

.venv/pip:
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer is needed; set PYTHON=...'; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

.venv/demo: .venv/pip pyproject.toml
	$(PIP) install --editable '.[emulator]'
	@touch $@

.venv/dev: .venv/demo pyproject.toml
	$(PIP) install --group dev
	@touch $@

.venv/third-party: .venv/dev
	$(BIN)/python -m venv .venv/third-party
	.venv/third-party/bin/python -m pip install -q "suno-easy==0.2.0" "suno-music-cli==0.1.2"
	@command -v npm >/dev/null || { echo 'npm is missing: install Node.js for the client of that world'; exit 1; }
	MAKEFLAGS=-j1 JOBS=1 npm install --silent --prefix .venv/third-party "@felores/kie-ai-mcp-server@5.0.0"
	@touch $@

# Their libraries conflict with each other or with those of the tests, or nothing else needs their many dependencies: so each
# of these groups of pyproject.toml has an environment of its own.
.venv/%/ready: .venv/pip pyproject.toml
	$(BIN)/python -m venv .venv/$*
	.venv/$*/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	.venv/$*/bin/python -m pip --disable-pip-version-check --quiet install --editable . --group $*
	@touch $@

.venv/page: .venv/dev pyproject.toml
	$(PIP) install --group page
	@touch $@

.venv/dist: .venv/pip pyproject.toml
	$(PIP) install --group dist
	@touch $@

.venv-oldest/dev: pyproject.toml tests/oldest.py
	@command -v $(PYTHON311) >/dev/null || { echo 'Python 3.11 is needed; set PYTHON311=...'; exit 1; }
	$(PYTHON311) -m venv .venv-oldest
	$(OLDEST_PIP) install --upgrade 'pip>=25.1'
	$(OLDEST) tests/oldest.py > .venv-oldest/oldest.txt
	$(OLDEST_PIP) install --constraint .venv-oldest/oldest.txt --editable '.[redis,emulator]' --group test
	@touch $@
