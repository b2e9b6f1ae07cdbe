#!/usr/bin/env bash
# snarkjs `wtns check` calls a right witness wrong when a wire stands twice in one sum of a constraint.
#
# In the `.r1cs` format a linear combination is a list of (wire, coefficient). Nothing says that a wire
# stands in it once, and compilers that do not simplify write (a + a) as two terms. `groth16 setup` and
# `groth16 prove` add such terms up: key, proof and `groth16 verify` agree that the witness is right.
# `wtns check` on the same two files says WITNESS IS NOT CORRECT and exits 1. It is no judge of circuits of
# compilers other than circom's; add doubled terms up before asking it.
#
# Seen with snarkjs 0.7.6 on Node 20, 2026-11-30. Met by whoever checks witnesses of an own compiler.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund snarkjs@0.7.6
cat >write.js <<'J'
// (a + a) * b = c, with c public, in the two binary formats.
const fs = require("fs");
const u32 = (n) => { const b = Buffer.alloc(4); b.writeUInt32LE(n); return b; };
const u64 = (n) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(BigInt(n)); return b; };
const field = (n) => Buffer.from(BigInt(n).toString(16).padStart(64, "0"), "hex").reverse();
const prime = field(21888242871839275222246405745257275088548364400416034343698204186575808495617n);
const section = (type, ...parts) => { const body = Buffer.concat(parts); return Buffer.concat([u32(type), u64(body.length), body]); };
const file = (magic, version, ...sections) => Buffer.concat([Buffer.from(magic), u32(version), u32(sections.length), ...sections]);
const sum = (...terms) => Buffer.concat([u32(terms.length), ...terms.flatMap(([wire, factor]) => [u32(wire), field(factor)])]);
// Wires: 0 is one, 1 is c (public), 2 is a, 3 is b.
const header = section(1, u32(32), prime, u32(4), u32(0), u32(1), u32(2), u64(4), u32(1));
const wires = section(3, ...[0, 1, 2, 3].map(u64));
const circuit = (a) => file("r1cs", 1, header, section(2, a, sum([3, 1]), sum([1, 1])), wires);
fs.writeFileSync("doubled.r1cs", circuit(sum([2, 1], [2, 1])));
fs.writeFileSync("simple.r1cs", circuit(sum([2, 2])));
fs.writeFileSync("w.wtns", file("wtns", 2, section(1, u32(32), prime, u32(4)), section(2, ...[1, 30, 3, 5].map(field))));
J
node write.js
snarkjs() { node node_modules/snarkjs/build/cli.cjs "$@"; }
said() { if "$@" >out 2>&1; then echo accepted; else echo refused; fi; }
snarkjs powersoftau new bn128 4 p.ptau >/dev/null
snarkjs powersoftau prepare phase2 p.ptau end.ptau >/dev/null
seen=
for form in simple doubled; do
    snarkjs groth16 setup $form.r1cs end.ptau $form.zkey >/dev/null
    snarkjs zkey export verificationkey $form.zkey vk.json >/dev/null
    snarkjs groth16 prove $form.zkey w.wtns proof.json public.json >/dev/null
    proof=$(said snarkjs groth16 verify vk.json public.json proof.json)
    check=$(said snarkjs wtns check $form.r1cs w.wtns)
    echo "$form terms: the proof is $proof, the witness is $check"
    seen="$seen $proof/$check"
done
[ "$seen" = ' accepted/accepted accepted/refused' ]
