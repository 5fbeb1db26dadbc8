# One-liners over the commands in README.md and .ci/run.

# List the recipes.
default:
    @just --list

# Show both layouts on a real log.
demo *FILE:
    ./setup demo {{FILE}}

# Run all tests.
test:
    ./setup test

# Run what a change has to pass.
ci:
    .ci/run

# Build the component: target/wasm32-wasip2/release/everblob.wasm.
component:
    cargo rustc --release --lib --crate-type cdylib --target wasm32-wasip2 --features component

# Format, and check the lints natively and for wasm.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets --features everblob/sim -- -D warnings
    cargo clippy --lib --features component --target wasm32-wasip2 -- -D warnings

# Play seeds of the simulated world, for example `just sim 0..20000`.
sim SEEDS:
    cargo run --profile sim --features sim --bin sim -- {{SEEDS}}

# Show what happens in one seed.
sim-trace SEED:
    cargo run --profile sim --features sim --bin sim -- --trace {{SEED}}

# Plant bugs in a copy of the core, one at a time, and say who notices; all of them or these.
mutate *NAMES:
    node .ci/mutants/mutate.mjs {{NAMES}}

# Play a million seeds.
long:
    cargo run --profile sim --features sim --bin sim -- 0..1000000

# Look for inputs that break a property, for example `just fuzz writer -max_total_time=120`. Wants
# `cargo install cargo-fuzz`. There is no unsafe code for a sanitizer to watch, and without one the
# stable compiler does.
fuzz TARGET *FLAGS:
    cargo fuzz run --fuzz-dir .ci/fuzz --sanitizer none {{TARGET}} -- -max_len=3000 -len_control=0 {{FLAGS}}

# Run the Node example, for example `just node http://127.0.0.1:10000/devstoreaccount1/logs/app < FILE`.
node URL: component
    (cd examples/node && npm install --no-save) && node examples/node/append.mjs {{URL}}

# Measure both layouts against the local store.
measure:
    cargo run --profile host --package everblob-host --example measure

# Play seeds of the component under wasmtime through faults, for example `just faults 500..2000`.
faults SEEDS="0..500":
    EVERBLOB_FAULT_SEEDS={{SEEDS}} cargo test --package everblob-host --test faults whatever -- --nocapture

# Append records through faults to Azurite, by the service's own client and by Everblob.
compare-faults RECORDS="20000":
    EVERBLOB_FAULT_RECORDS={{RECORDS}} cargo test --package everblob-host --test cli everblob_does_not -- --nocapture
