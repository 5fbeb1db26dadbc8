// The lists of mutants, and how one is planted in the text of a source.
//
// Invariants: a text that is not found, or twice, is an error; sources are as `cargo fmt` leaves
// them, so that the brace that ends a function is indented like its beginning.

import fs from 'node:fs';
import path from 'node:path';

/** A list that does not fit the sources. */
export class Stale extends Error {}

/** The mutants of a list. */
export function parse(file) {
    const mutants = [];
    for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
        const mutant = mutants.at(-1);
        const place = mutant?.places.at(-1);
        if (line === '' || line.startsWith('#')) continue;
        if (line.startsWith('equivalent: ')) mutant.equivalent = line.slice(12);
        else if (line.startsWith('-')) place.old.push(line.slice(1).trim());
        else if (line.startsWith('+')) place.new.push(line.slice(1).trim());
        else if (line.startsWith('src/')) {
            const [source, name] = line.split(' ');
            mutant.places.push({ source, name, old: [], new: [] });
        } else {
            const [, name, rule] = line.match(/^([^:]+): (.*)$/) ?? [];
            if (!name) throw new Stale(`${file}: what is \`${line}\`?`);
            mutants.push({ name, rule, places: [], list: path.basename(file, '.txt') });
        }
    }
    return mutants;
}

/** The functions of a formatted source, as [name, first line of the body, line after it]. */
export function functions(lines) {
    const found = [];
    for (const [at, line] of lines.entries()) {
        if (line === '#[cfg(test)]') break;
        const [, indent, name] = line.match(/^( *)(?:pub(?:\(\w+\))? )?(?:const )?fn (\w+)/) ?? [];
        if (!name) continue;
        const closes = lines.findIndex((it, i) => i > at && it === `${indent}}`);
        let opens = at;
        while (!lines[opens].endsWith('{')) opens += 1;
        // Two bodies would answer two types.
        const opaque = lines.slice(at, opens + 1).some((it) => it.includes('-> impl '));
        found.push({ name, opaque, from: opens + 1, to: closes });
    }
    return found;
}

/** A text that is found whatever its indentation. */
export function pattern(old) {
    const quoted = old.map((line) => line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(quoted.join('\\s*\\n\\s*'), 'g');
}

/** The body with the place changed, or null if the text is not there. */
function change(body, place, mutant) {
    if (place.old.length === 0) return place.new.join('\n');
    const count = [...body.matchAll(pattern(place.old))].length;
    if (count > 1) throw new Stale(`${mutant.name}: \`${place.old[0]}\` occurs ${count} times`);
    return count ? body.replace(pattern(place.old), () => place.new.join('\n')) : null;
}

/** Plants what the mutants change in one source. */
export function plant(source, text, mutants) {
    const lines = text.split('\n');
    const bodies = functions(lines);
    for (const it of bodies) {
        it.text = lines.slice(it.from, it.to).join('\n');
        it.variants = new Map();
    }
    const places = mutants.flatMap((mutant) =>
        mutant.places.filter((it) => it.source === source).map((it) => [mutant, it]));
    const inside = ([, place]) => place.new.some((line) => line.includes('MUTANT'));
    for (const [mutant, place] of [...places.filter(inside), ...places.filter((it) => !inside(it))]) {
        const within = bodies.filter((it) => it.name === place.name);
        const hits = within.filter((it) => change(it.text, place, mutant) !== null);
        if (hits.length !== 1) {
            throw new Stale(`${mutant.name}: found ${hits.length} times in ${source} ${place.name}`);
        }
        const [it] = hits;
        if (it.opaque && !inside([mutant, place])) {
            throw new Stale(`${mutant.name}: ${place.name} cannot have a second body; ask MUTANT`);
        }
        if (inside([mutant, place])) {
            it.text = change(it.text, place, mutant).replaceAll('MUTANT', is(mutant));
        } else {
            it.variants.set(mutant, change(it.variants.get(mutant) ?? it.text, place, mutant));
        }
    }
    for (const it of bodies.sort((a, b) => b.from - a.from)) {
        const branches = [...it.variants].map(([mutant, body]) => `if ${is(mutant)} {\n${body}\n}`);
        const all = branches.length ? [...branches, `{\n${it.text}\n}`].join(' else ') : it.text;
        lines.splice(it.from, it.to - it.from, all);
    }
    return lines.join('\n');
}

const is = (mutant) => `crate::mutant::is(${mutant.number})`;
