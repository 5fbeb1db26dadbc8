// Makes sample.txt out of what cargo-mutants would change in the core and the codec: every 20th of
// its list. One that does not compile, or has no second body (see mutate.mjs), gives way to the next.
//
//   cargo mutants --list --json -f 'src/compaction/*.rs' -f 'src/azure/*.rs' -f 'src/stream/*.rs' \
//       -f 'src/writer/**/*.rs' >list.json
//   node .ci/mutants/sample.mjs list.json [NUMBER...]
//
// The numbers are those that give way. What was said to be equivalent stays so.

import fs from 'node:fs';
import path from 'node:path';

import { functions, parse, pattern } from './plant.mjs';

const EVERY = 20;

/** A mutant as a place in a list: as many of its lines as it takes to be found once. */
function place({ file, function: { function_name }, span, replacement, genre }) {
    const lines = fs.readFileSync(file, 'utf8').split('\n');
    const name = function_name.split('::').at(-1);
    const bodies = functions(lines).filter((it) => it.name === name);
    const own = bodies.find((it) => it.from < span.end.line && span.start.line <= it.to);
    if (own.opaque) return null;
    let [from, to] = [span.start.line - 1, span.end.line];
    const head = lines[from].slice(0, span.start.column - 1);
    const tail = lines[to - 1].slice(span.end.column - 1);
    let changed = [`${head}${replacement}${tail}`];
    const old = () => lines.slice(from, to).map((line) => line.trim());
    const texts = bodies.map((it) => lines.slice(it.from, it.to).join('\n')).join('\n');
    const occurs = () => [...texts.matchAll(pattern(old()))].length;
    const whole = genre === 'FnValue' && bodies.length === 1;
    while (!whole && occurs() > 1) {
        if (from > own.from) changed = [lines[(from -= 1)], ...changed];
        else changed.push(lines[(to += 1) - 1]);
    }
    const before = whole ? [] : old().map((line) => `- ${line}`);
    return [`${file} ${name}`, ...before, ...changed.map((line) => `+ ${line.trim()}`)].join('\n');
}

const SAMPLE = path.join(import.meta.dirname, 'sample.txt');

const [list, ...away] = process.argv.slice(2);
const mutants = JSON.parse(fs.readFileSync(list, 'utf8'));
const before = fs.existsSync(SAMPLE) ? parse(SAMPLE) : [];
const text = [
    `# Every ${EVERY}th of the ${mutants.length} mutants of cargo-mutants in the core and the codec, by sample.mjs.`,
    `# Gave way to the next: ${away.join(' ')}.`,
];
for (let nth = 0; nth < mutants.length; nth += EVERY) {
    let at = nth;
    while (away.includes(`${at}`) || !place(mutants[at])) at += 1;
    const rule = mutants[at].name.replace(/^[^ ]*: /, '');
    text.push('', `c${at}: ${rule}`);
    const known = before.find((it) => it.rule === rule && it.equivalent);
    if (known) text.push(`equivalent: ${known.equivalent}`);
    text.push(place(mutants[at]));
}
fs.writeFileSync(SAMPLE, `${text.join('\n')}\n`);
