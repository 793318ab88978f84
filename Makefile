# The commands of daily work. `make help` lists them.

SHELL := bash
.DEFAULT_GOAL := help

# `make setup` puts the cargo tools here when the machine has none.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

# The server that `make test-rooms` and `make load` talk to.
CHAT_URL ?= http://127.0.0.1:8001
# What `make bench` measures: names of rows, and arguments; `--help` lists them.
BENCH ?=
# What `make load` does: a scenario of chat-load, and arguments.
LOAD ?= flaky

.PHONY: help setup run schema check audit test prove fuzz mutations test-rooms load bench clean

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what the checks and the tests need and the machine lacks.
	@scripts/setup

run: ## Start a server to try out, with its web client, on http://127.0.0.1:8001.
	@scripts/build-web || echo 'The web client could not be built; the server starts without it.' >&2
	cargo run --release --bin chat-server -- serve --dev

schema: ## Make the documents of the protocol, and the types of the client, from the wire types.
	cargo run --quiet -p chat-server --all-features --bin chat-schema

check: setup ## Formatting, lints, documentation, licences and bans, and everything in deploy/.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --document-private-items
	cargo run --quiet -p chat-server --all-features --bin chat-schema -- --check
	node tests/documents/check.js
	cargo deny check --hide-inclusion-graph bans licenses sources
	scripts/mutations --check
	scripts/check-vendored
	scripts/check-deploy
	npm run --silent check --prefix clients/typescript
	npm run --silent check --prefix web
	for file in bench/peers/*/*.js; do node --check "$$file" || exit 1; done

audit: setup ## Dependencies with known vulnerabilities; asks the advisory database, which has to be reachable.
	@scripts/audit

test: setup ## Every test; those with the JavaScript client on SQLite, on PostgreSQL with Redis, and on a fleet.
	cargo nextest run --workspace --all-features
	cargo test --doc --workspace --all-features
	cargo build --bin chat-server
	rm -rf target/seen && mkdir target/seen
	CHAT_SERVER_BIN="$(CURDIR)/target/debug/chat-server" node --test tests/js/*.test.js
	CHAT_SERVER_BIN="$(CURDIR)/target/debug/chat-server" TEST_REDIS=1 TEST_SEEN="$(CURDIR)/target/seen" scripts/with-postgres node --test tests/js/*.test.js
	CHAT_SERVER_BIN="$(CURDIR)/target/debug/chat-server" TEST_SEEN="$(CURDIR)/target/seen" scripts/with-postgres node --test tests/js/fleet/*.test.js
	node tests/js/support/unseen.js target/seen
	CHAT_SERVER_BIN="$(CURDIR)/target/debug/chat-server" scripts/with-postgres node --test --test-concurrency=2 tests/browser/*.test.js
	CHAT_SERVER_BIN="$(CURDIR)/target/debug/chat-server" npm test --prefix clients/typescript

prove: setup ## What the project claims, at full length: half an hour, on a machine that does nothing else.
	cargo run -p chat-testkit --bin prove
	cargo build --release --bin chat-server
	CHAT_SERVER_BIN="$(CURDIR)/target/release/chat-server" npm run prove --prefix clients/typescript

fuzz: ## Ten million inputs that nobody thought of: four minutes, after a build in release mode.
	@scripts/fuzz

mutations: setup ## Break promises on purpose, one by one; a test has to notice each: a quarter of an hour.
	@scripts/mutations
	@scripts/rename-a-field

test-rooms: setup ## The room scenarios, against the server at CHAT_URL.
	CHAT_URL="$(CHAT_URL)" node --test tests/js/rooms.test.js

load: ## Load the server at CHAT_URL, and judge it: make load LOAD="flaky --clients 200".
	cargo run --release --bin chat-load -- --url "$(CHAT_URL)" --dev $(LOAD)

bench: setup ## Measure the server beside others, for an hour; to try it: make bench BENCH="--short /tmp/bench".
	npm ci --prefix bench/peers/node --no-audit --no-fund
	npm ci --prefix bench/peers/node-uws --no-audit --no-fund
	cargo build --release -p chat-server -p chat-bench --bins
	ulimit -n "$$(ulimit -Hn)" && target/release/chat-bench $(BENCH)

clean: ## Remove what was built. Tools and chat data stay.
	cargo clean
	rm -rf tests/js/node_modules tests/documents/node_modules clients/typescript/node_modules clients/typescript/dist web/node_modules web/dist bench/peers/*/node_modules
