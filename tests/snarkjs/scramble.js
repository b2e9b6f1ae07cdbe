// Writes a circuit or a key down in another way that means the same, as other compilers do:
//
//   node scramble.js IN OUT
//
// IN is an .r1cs or a .zkey. Terms are shuffled, parted into several of one wire, and joined by zeros
// and by pairs that cancel. A proof knows nothing of that.
const fs = require("fs");

const MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

// The same scramble at each run: a linear congruential generator.
let state = 1;
function below(n) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
}

function shuffle(list) {
    for (let i = list.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [list[i], list[j]] = [list[j], list[i]];
    }
    return list;
}

function number(bytes) {
    return BigInt("0x" + Buffer.from(bytes).reverse().toString("hex"));
}

function bytes(value) {
    const hex = (((value % MODULUS) + MODULUS) % MODULUS).toString(16).padStart(64, "0");
    return Buffer.from(hex, "hex").reverse();
}

function word(value) {
    const out = Buffer.alloc(4);
    out.writeUInt32LE(value);
    return out;
}

// One to three values with this sum.
function parts(value) {
    const some = Array.from({ length: below(3) }, () => BigInt(below(5)));
    return [...some, value - some.reduce((sum, part) => sum + part, 0n)];
}

// Terms are { at, value }: bytes that say where, and what is multiplied.
function scrambled(terms, vanishing) {
    const out = terms.flatMap(({ at, value }) => parts(value).map((part) => ({ at, value: part })));
    out.push(...parts(0n).map((part) => ({ at: vanishing, value: part })));
    return shuffle(out).map(({ at, value }) => Buffer.concat([at, bytes(value)]));
}

// Section 2 of an .r1cs: for each constraint three sums.
function constraints(body, wires) {
    const out = [];
    for (let at = 0; at < body.length; ) {
        const terms = [];
        const count = body.readUInt32LE(at);
        at += 4;
        for (let i = 0; i < count; i++, at += 36) {
            terms.push({
                at: body.subarray(at, at + 4),
                value: number(body.subarray(at + 4, at + 36)),
            });
        }
        const sum = scrambled(terms, word(below(wires)));
        out.push(word(sum.length), ...sum);
    }
    return Buffer.concat(out);
}

// Section 4 of a .zkey: coefficients of both matrices, each with its place.
function coefficients(body, wires) {
    const terms = [];
    for (let at = 4; at < body.length; at += 44) {
        terms.push({
            at: body.subarray(at, at + 12),
            value: number(body.subarray(at + 12, at + 44)),
        });
    }
    const rows = terms.map(({ at }) => at.readUInt32LE(4));
    const vanishing = Buffer.concat([
        word(below(2)),
        word(rows[below(rows.length)]),
        word(below(wires)),
    ]);
    const all = scrambled(terms, vanishing);
    return Buffer.concat([word(all.length), ...all]);
}

const file = fs.readFileSync(process.argv[2]);
const kind = file.toString("latin1", 0, 4);
const sections = [];
for (let at = 12; at < file.length; ) {
    const [id, length] = [file.readUInt32LE(at), Number(file.readBigUInt64LE(at + 4))];
    sections.push({ id, body: file.subarray(at + 12, at + 12 + length) });
    at += 12 + length;
}
const section = (id) => sections.find((it) => it.id === id);
if (kind === "r1cs") {
    // Behind the modulus and its length.
    const wires = section(1).body.readUInt32LE(36);
    section(2).body = constraints(section(2).body, wires);
} else if (kind === "zkey") {
    // Behind two moduli and their lengths.
    const wires = section(2).body.readUInt32LE(72);
    section(4).body = coefficients(section(4).body, wires);
} else {
    throw new Error(`${process.argv[2]} is neither an .r1cs nor a .zkey`);
}
const out = [file.subarray(0, 12)];
for (const { id, body } of sections) {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(body.length));
    out.push(word(id), length, body);
}
fs.writeFileSync(process.argv[3], Buffer.concat(out));
