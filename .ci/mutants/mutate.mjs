// Plants named bugs in a copy of the core, all in one build, and plays each of them: first seeds of
// the simulated world, then the core's own tests. One that nothing notices is a hole in the net.
//
//   node .ci/mutants/mutate.mjs             all of named.txt and sample.txt
//   node .ci/mutants/mutate.mjs NAME...     these
//
// A mutant in a list is its name and the rule that it breaks, then one or more places:
//
//   append-without-if-match: protocol.md A1
//   src/writer/append/attempt.rs call
//   - position: about.length, etag }
//   + position: about.length, etag: ETag("*".into()) }
//
// The second word is the function. What follows `-` occurs in it once, however it is indented;
// without `-` it is the whole body. The function gets a second body for the mutant. Where it cannot
// have one, because it answers an `impl Trait`, the new text asks `MUTANT` itself. A line
// `equivalent: WHY` says of a mutant that it is no bug; then it must survive.
//
// Invariants: the core itself holds nothing of this; without a mutant the copy passes; a text that is
// not found, or twice, is an error.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse, plant, Stale } from './plant.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, '../..');
const TARGET = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? 'target', 'mutants');
const COPY = path.join(TARGET, 'core');

/** How many seeds a mutant is given. */
const SEEDS = 2000;
/** What runs longer than this does not end, in milliseconds. */
const PATIENCE = 60_000;
/** What a mutant may use of memory, in KiB: one that never stops sending must not take the machine. */
const MEMORY = 3_000_000;
/** The tests of the model are not about the core, and the seeds were played already. */
const TESTS = ['--skip', 'sim::service', '--skip', 'sim::world'];
const FAILED = /^test (\S+) \.\.\. FAILED/m;

const CHOICE = `//! Which mutant this process is.
#![allow(missing_docs)]
pub(crate) fn is(number: u32) -> bool {
    static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    let read = || std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    *CHOSEN.get_or_init(read) == number
}
`;

/** Writes what has changed, so that nothing is compiled twice. */
function write(file, text) {
    const path_ = path.join(COPY, file);
    if (fs.existsSync(path_) && fs.readFileSync(path_, 'utf8') === text) return;
    fs.mkdirSync(path.dirname(path_), { recursive: true });
    fs.writeFileSync(path_, text);
}

function copy(mutants) {
    const read = (file) => fs.readFileSync(path.join(ROOT, file), 'utf8');
    const sources = fs.readdirSync(path.join(ROOT, 'src'), { recursive: true })
        .map((file) => path.join('src', file)).filter((file) => file.endsWith('.rs'));
    for (const { name, places } of mutants) {
        const missing = places.find((it) => !sources.includes(it.source));
        if (missing || !places.length) throw new Stale(`${name}: no source ${missing?.source}`);
    }
    const mutated = new Set(mutants.flatMap((it) => it.places.map((place) => place.source)));
    for (const file of sources) {
        const text = read(file);
        // What asks at run time which mutant it is cannot be known when it is compiled.
        const core = /^src\/(writer|stream|compaction)\//.test(file) || mutated.has(file);
        write(file, core ? plant(file, text.replaceAll('const fn ', 'fn '), mutants) : text);
    }
    write('src/mutant.rs', CHOICE);
    write('src/lib.rs', read('src/lib.rs').replace('\npub mod azure;', '\nmod mutant;\npub mod azure;'));
    write('Cargo.toml', read('Cargo.toml').replace(/^members = .*$/m, 'members = []'));
    if (!fs.existsSync(path.join(COPY, 'Cargo.lock'))) write('Cargo.lock', read('Cargo.lock'));
}

// Running.

function run(program, args, { mutant = 0, timeout = 0, bounded = false, until } = {}) {
    const env = { ...process.env, MUTANT: `${mutant}`, RUST_BACKTRACE: '0', CARGO_TARGET_DIR: TARGET };
    if (!bounded) env.RUSTFLAGS = '--cap-lints allow';
    const limited = ['-c', `ulimit -v ${MEMORY}; exec "$0" "$@"`, program, ...args];
    const [file, all] = bounded ? ['sh', limited] : [program, args];
    const options = { cwd: COPY, env, timeout, killSignal: 'SIGKILL', maxBuffer: 1 << 28 };
    return new Promise((resolve) => {
        const child = execFile(file, all, options, (error, out, err) => {
            resolve({ ok: !error, killed: error?.killed ?? false, out, err });
        });
        let seen = '';
        if (until) {
            child.stdout.on('data', (data) => {
                seen += data;
                if (until.test(seen)) child.kill('SIGKILL');
            });
        }
    });
}

/** The number of the mutant that the compiler is about. */
function blamed({ message: { spans } }) {
    const { file_name: file, line_start: line } = spans.find((it) => it.is_primary) ?? spans[0] ?? {};
    if (!file || !fs.existsSync(path.join(COPY, file))) return 0;
    const lines = fs.readFileSync(path.join(COPY, file), 'utf8').split('\n').slice(0, line);
    return Number(last(lines.join('\n'), /mutant::is\((\d+)\)/g) ?? 0);
}

async function build(args, mutants) {
    const cargo = await run('cargo', [...args, '--profile', 'sim', '--features', 'sim', '--message-format', 'json']);
    const messages = cargo.out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
    const errors = messages.filter((it) => it.message?.level === 'error');
    if (!cargo.ok) {
        process.stderr.write(errors.map((it) => it.message.rendered).join('') || cargo.err);
        const names = new Set(errors.map((it) => mutants[blamed(it) - 1]?.name).filter(Boolean));
        throw new Stale(`these do not compile: ${[...names].join(' ')}`);
    }
    return messages.findLast((it) => it.executable).executable;
}

const last = (text, form) => [...text.matchAll(form)].at(-1)?.[1];

/** Who notices, and how; null if nobody does. */
async function hunt(programs, mutant) {
    const number = { mutant: mutant.number, timeout: PATIENCE, bounded: true };
    const played = await run(programs.sim, [`0..${SEEDS}`], number);
    if (!played.ok) {
        const [, seed, why] = played.out.match(/seed (\d+) fails (.*)/) ?? [];
        if (played.killed || !seed) return { how: 'seeds', why: 'it does not end, or takes all memory' };
        const panic = last(played.err, /panicked at [^\n]*\n([^\n]*)/g);
        return { how: 'seeds', seeds: Number(seed) + 1, why: why === 'by a panic' ? panic ?? why : why };
    }
    const tested = await run(programs.tests, TESTS, { ...number, until: FAILED });
    if (tested.ok) return null;
    const [, failed] = tested.out.match(FAILED) ?? [];
    return { how: 'tests', why: failed ?? 'they do not end' };
}

function tell(mutant, caught, seconds) {
    const place = caught === null ? 'SURVIVES' : caught.seeds ? `${caught.seeds} seeds` : caught.how;
    const why = (caught === null ? mutant.equivalent ?? '' : caught.why ?? '').slice(0, 90);
    const columns = [mutant.name.padEnd(46), mutant.rule.slice(0, 60).padEnd(22), place.padEnd(10)];
    console.log(`${columns.join(' ')} ${seconds.toFixed(1).padStart(5)} s  ${why}`);
}

async function main() {
    const wanted = process.argv.slice(2);
    const mutants = ['named', 'sample'].flatMap((list) => parse(path.join(HERE, `${list}.txt`)));
    for (const [at, mutant] of mutants.entries()) mutant.number = at + 1;
    const names = mutants.map((it) => it.name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice) throw new Stale(`there are two mutants called ${twice}`);
    const unknown = wanted.find((name) => !names.includes(name));
    if (unknown) throw new Stale(`there is no mutant called ${unknown}`);
    copy(mutants);
    const programs = { sim: await build(['build', '--bin', 'sim'], mutants) };
    programs.tests = await build(['test', '--lib', '--no-run'], mutants);
    const sound = await hunt(programs, { number: 0 });
    if (sound) throw new Stale(`without a mutant ${sound.how} ${sound.seeds ?? ''} fail: ${sound.why}`);
    const chosen = mutants.filter((it) => !wanted.length || wanted.includes(it.name));
    const queue = [...chosen];
    const worker = async () => {
        for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
            const from = Date.now();
            mutant.caught = await hunt(programs, mutant);
            tell(mutant, mutant.caught, (Date.now() - from) / 1000);
        }
    };
    await Promise.all(os.cpus().map(worker));
    process.exit(summarize(chosen) ? 0 : 1);
}

function summarize(mutants) {
    for (const list of ['named', 'sample']) {
        const all = mutants.filter((it) => it.list === list);
        const by = (how) => all.filter((it) => it.caught?.how === how).length;
        const equivalent = all.filter((it) => it.equivalent && !it.caught).length;
        console.log(`${list}: ${all.length} mutants, ${by('seeds')} caught within ${SEEDS} seeds, ` +
            `${by('tests')} by tests only, ${equivalent} equivalent`);
    }
    const wrong = mutants.filter((it) => !it.caught === !it.equivalent);
    for (const it of wrong) {
        console.log(it.caught ? `${it.name} is said to be equivalent and is caught` : `${it.name} survives`);
    }
    return wrong.length === 0;
}

main().catch((error) => {
    console.error(error instanceof Stale ? error.message : error);
    process.exit(2);
});
