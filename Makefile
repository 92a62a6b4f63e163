# The commands of this repository; each does its own set-up and is quick when nothing has changed.
#
#   make run     serve examples/flask_app on http://127.0.0.1:8000 until Ctrl-C
#   make test    every Rust and Python test, with counts at the end
#   make test-pythons  the gevent tests over every other CPython that is found
#   make bench   measure beside other servers (BENCH="hello flask" names the cases, see bench/README.md)
#   make check   formatting, lints, walls between the crates, generated files
#   make install only build and install into .venv
#   make clean   remove what these commands have built (not cargo's target directory)
#
# They need Rust, and Python 3.10 or newer (PYTHON=/path/to/python chooses one).

VENV    := .venv
PIP     := $(VENV)/bin/python -m pip --quiet
BENCH   ?= all
ADDRESS ?= 127.0.0.1:8000

# What is run over every other Python.
PYTHONS_TESTS := $(addprefix tests/test_,$(addsuffix .py,gevent gevent_start blocked deadlines environ input output))

# What the wheel is made from: a change in any of these installs it anew.
SOURCES := Cargo.toml Cargo.lock setup.py pyproject.toml README.md \
           $(shell find .cargo crates python -name '*.egg-info' -prune -o -type f ! -name '*.py[co]' -print)

.PHONY: run test test-pythons bench check install clean

run: $(VENV)/.installed $(VENV)/.example
	@cd examples/flask_app && exec ../../$(VENV)/bin/verdigris --http-socket $(ADDRESS) --processes 2 app:app

test: $(VENV)/.installed $(VENV)/.example $(VENV)/.test-packages
	@scripts/debian-packages nginx:nginx-light wrk:wrk ab:apache2-utils curl:curl \
	    postgres:postgresql mariadbd:mariadb-server-core redis-server:redis-server
	@scripts/make-pythons
	@exec $(VENV)/bin/python scripts/run_tests.py

test-pythons: $(VENV)/.installed $(VENV)/.test-packages
	@scripts/make-pythons
	@for home in .venvs/python3.*; do \
	    echo "=== $$home"; \
	    $(VENV)/bin/python -m pytest -n 2 --engine gevent --home "$$home" $(PYTHONS_TESTS) || exit 1; \
	done

bench: $(VENV)/.installed
	@scripts/debian-packages nginx:nginx-light wrk:wrk ab:apache2-utils cc:build-essential
	@exec $(VENV)/bin/python bench/run.py $(BENCH)

check:
	@exec cargo xtask check

install: $(VENV)/.installed

clean:
	rm -rf $(VENV) .venvs build dist python/*.egg-info

# The build runs in this directory and uses cargo's target directory, so that nothing is built twice.
$(VENV)/.installed: $(VENV)/.created $(SOURCES)
	@command -v cargo >/dev/null || { echo "cargo is not there: install Rust first" >&2; exit 1; }
	@echo "building and installing Verdigris (a few minutes the first time)"
	@rm -rf build
	@$(PIP) install --no-build-isolation --no-deps .
	@touch $@

$(VENV)/.example: examples/flask_app/requirements.txt $(VENV)/.created
	@$(PIP) install -r $<
	@touch $@

$(VENV)/.test-packages: tests/requirements.txt $(VENV)/.created
	@$(PIP) install -r $<
	@touch $@

$(VENV)/.created: scripts/make-venv
	@scripts/make-venv $(VENV)
	@$(PIP) install 'setuptools>=77' 'setuptools-rust>=1.12'
	@touch $@
