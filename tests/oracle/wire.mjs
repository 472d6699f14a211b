// The wire protocol, written from docs/wire-protocol.md with nothing but Node.js: frames, msgpack,
// Noise, records. It has to come to every byte of docs/wire-protocol.json.
// Usage: node wire.mjs VECTORS
import crypto from 'node:crypto';
import fs from 'node:fs';

const vectors = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
let passed = 0;
let failed = 0;

const hex = (text) => Buffer.from(text, 'hex');

function check(name, good) {
    if (good) {
        passed++;
    } else {
        failed++;
        console.log(`FAIL ${name}`);
    }
}

function same(name, got, wanted) {
    const text = (value) => (Buffer.isBuffer(value) ? value.toString('hex') : JSON.stringify(value));
    check(`${name}: ${text(got)} instead of ${text(wanted)}`, text(got) === text(wanted));
}

class Refused extends Error {}

function refuse(code) {
    throw new Refused(code);
}

// ---- msgpack (section 3) ----

const utf8 = new TextDecoder('utf-8', { fatal: true });

class Unpacker {
    constructor(bytes) {
        this.bytes = bytes;
        this.at = 0;
    }

    take(size) {
        if (size > this.bytes.length - this.at) throw new Error('short');
        this.at += size;
        return this.bytes.subarray(this.at - size, this.at);
    }

    many(count, read) {
        if (count > this.bytes.length - this.at) throw new Error('count');
        return Array.from({ length: count }, read);
    }

    array(count, depth) {
        if (depth >= 32) throw new Error('deep');
        return this.many(count, () => this.value(depth + 1));
    }

    map(count, depth) {
        if (depth >= 32) throw new Error('deep');
        return this.many(count, () => [this.value(depth + 1), this.value(depth + 1)]);
    }

    value(depth = 0) {
        const tag = this.take(1)[0];
        if (tag < 0x80) return BigInt(tag);
        if (tag < 0x90) return this.map(tag & 15, depth);
        if (tag < 0xa0) return this.array(tag & 15, depth);
        if (tag < 0xc0) return utf8.decode(this.take(tag & 31));
        if (tag >= 0xe0) return BigInt(tag - 256);
        switch (tag) {
        case 0xc0: return null;
        case 0xc2: return false;
        case 0xc3: return true;
        case 0xc4: return this.take(this.take(1)[0]);
        case 0xc5: return this.take(this.take(2).readUInt16BE());
        case 0xc6: return this.take(this.take(4).readUInt32BE());
        case 0xca: return this.take(4).readFloatBE();
        case 0xcb: return this.take(8).readDoubleBE();
        case 0xcc: return BigInt(this.take(1)[0]);
        case 0xcd: return BigInt(this.take(2).readUInt16BE());
        case 0xce: return BigInt(this.take(4).readUInt32BE());
        case 0xcf: return this.take(8).readBigUInt64BE();
        case 0xd0: return BigInt(this.take(1).readInt8());
        case 0xd1: return BigInt(this.take(2).readInt16BE());
        case 0xd2: return BigInt(this.take(4).readInt32BE());
        case 0xd3: return this.take(8).readBigInt64BE();
        case 0xd9: return utf8.decode(this.take(this.take(1)[0]));
        case 0xda: return utf8.decode(this.take(this.take(2).readUInt16BE()));
        case 0xdb: return utf8.decode(this.take(this.take(4).readUInt32BE()));
        case 0xdc: return this.array(this.take(2).readUInt16BE(), depth);
        case 0xdd: return this.array(this.take(4).readUInt32BE(), depth);
        case 0xde: return this.map(this.take(2).readUInt16BE(), depth);
        case 0xdf: return this.map(this.take(4).readUInt32BE(), depth);
        default: throw new Error('tag');
        }
    }
}

function unpack(bytes) {
    const unpacker = new Unpacker(bytes);
    const value = unpacker.value();
    if (unpacker.at !== bytes.length) throw new Error('bytes left over');
    return value;
}

function packNumber(value) {
    const big = BigInt(value);
    const bytes = Buffer.alloc(9);
    if (big < 0x80n) return Buffer.from([Number(big)]);
    if (big < 0x100n) return Buffer.from([0xcc, Number(big)]);
    bytes.writeBigUInt64BE(big, 1);
    const width = big < 0x10000n ? 2 : big < 0x100000000n ? 4 : 8;
    const tag = { 2: 0xcd, 4: 0xce, 8: 0xcf }[width];
    return Buffer.concat([Buffer.from([tag]), bytes.subarray(9 - width)]);
}

// Texts up to 255 bytes, bytes up to 255, arrays up to 15: what a handshake needs.
function pack(value) {
    if (Array.isArray(value))
        return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(pack)]);
    if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from([0xc4, value.length]), value]);
    if (typeof value !== 'string') return packNumber(value);
    const text = Buffer.from(value);
    const head = text.length < 32 ? [0xa0 | text.length] : [0xd9, text.length];
    return Buffer.concat([Buffer.from(head), text]);
}

// ---- frames (section 4) ----

const FOREIGN = 1;
const TRACED = 2;
const LINKED = 4;

const layouts = {
    0x01: ['MESSAGE', 'pair', 'message'],
    0x02: ['REQUEST', 'pair', 'ref', 'message'],
    0x03: ['REPLY', 'pair', 'ref', 'message'],
    0x04: ['FAILED', 'pair', 'code', 'ref'],
    0x05: ['ALIAS', 'pair', 'ref', 'message'],
    0x06: ['EXIT', 'pair', 'code', 'rest'],
    0x07: ['LINK', 'pair'],
    0x08: ['UNLINK', 'pair', 'ref'],
    0x09: ['UNLINK_ACK', 'pair', 'ref'],
    0x0a: ['MONITOR', 'pair', 'ref'],
    0x0b: ['DEMONITOR', 'pair', 'ref'],
    0x0c: ['DOWN', 'pair', 'code', 'ref', 'rest'],
    0x10: ['OPERATION', 'pair', 'op', 'number', 'rest'],
    0x20: ['FRAGMENT', 'piece'],
    0x30: ['CREDIT', 'ref'],
    0x31: ['HEARTBEAT', 'kind', 'number', 'count'],
    0x32: ['FLUSH', 'ref', 'count'],
    0x33: ['FLUSHED', 'ref'],
    0x34: ['XOFF', 'pair'],
    0x35: ['XON', 'pair'],
    0x3f: ['GOODBYE', 'kind', 'count'],
};
const mayHaveNobody = ['MESSAGE', 'REPLY', 'FAILED', 'ALIAS', 'EXIT', 'OPERATION'];
const mayBeForAnybody = ['OPERATION', 'XOFF', 'XON'];
const kinds = { HEARTBEAT: 3, GOODBYE: 5 };
const counted = ['HEARTBEAT', 'FLUSH', 'GOODBYE'];

class Fields {
    constructor(bytes) {
        this.bytes = bytes;
        this.at = 0;
    }

    take(size) {
        if (this.at + size > this.bytes.length) refuse('SHORT');
        this.at += size;
        return this.bytes.subarray(this.at - size, this.at);
    }

    u8 = () => this.take(1)[0];
    u16 = () => this.take(2).readUInt16BE();
    u32 = () => this.take(4).readUInt32BE();
    i32 = () => this.take(4).readInt32BE();
    u64 = () => this.take(8).readBigUInt64BE();
    rest = () => this.take(this.bytes.length - this.at);
}

function readPair(fields, frame) {
    frame.flags = fields.u8();
    frame.to = [fields.u32(), fields.u32()];
    frame.from = [fields.u32(), fields.u32()];
    if (frame.flags & FOREIGN) frame.from_node = fields.u64();
    if (frame.flags & TRACED) frame.trace = fields.u64();
}

function readField(fields, frame, field) {
    switch (field) {
    case 'pair': readPair(fields, frame); break;
    case 'op': frame.op = fields.u16(); break;
    case 'kind': frame.kind = fields.u8(); break;
    case 'code': frame.code = fields.i32(); break;
    case 'ref': case 'number': frame.ref = fields.u64(); break;
    case 'count': frame.count = fields.u64(); break;
    case 'piece':
        frame.sequence = fields.u32();
        frame.total = fields.u32();
        frame.offset = fields.u32();
        frame.rest = fields.rest();
        break;
    default: frame.rest = fields.rest();
    }
}

function checkPids(frame) {
    const half = (pid) => pid[1] === 0 && pid[0] !== 0;
    if (half(frame.to) || half(frame.from)) refuse('PID');
    if (frame.to[1] === 0 && !mayBeForAnybody.includes(frame.type)) refuse('PID');
    if (frame.from[1] === 0 && !mayHaveNobody.includes(frame.type)) refuse('PID');
    if (frame.flags & FOREIGN && (frame.from_node === 0n || frame.from[1] === 0)) refuse('PID');
}

function checkMessage(rest) {
    let message;
    try {
        message = unpack(rest);
    } catch {
        refuse('PAYLOAD');
    }
    if (!Array.isArray(message) || typeof message[0] !== 'string') refuse('PAYLOAD');
    const size = Buffer.byteLength(message[0]);
    if (size < 1 || size > 128) refuse('PAYLOAD');
}

function checkFrame(frame, layout) {
    if (layout.includes('pair')) {
        const known = FOREIGN | TRACED | (frame.type === 'EXIT' ? LINKED : 0);
        if (frame.flags & ~known) refuse('FLAGS');
        checkPids(frame);
    }
    if (layout.includes('ref') && frame.ref === 0n) refuse('REF');
    if (layout.includes('kind') && frame.kind >= kinds[frame.type]) refuse('VALUE');
    if (layout.includes('piece') &&
        (frame.rest.length === 0 || frame.offset + frame.rest.length > frame.total))
        refuse('FRAGMENT');
    if (frame.type === 'FAILED' && (frame.code < 1 || frame.code > 65535)) refuse('VALUE');
    if (layout.includes('message')) checkMessage(frame.rest);
}

// A frame behind its length field.
function readFrame(bytes) {
    const layout = layouts[bytes[0]];
    if (layout === undefined) refuse('TYPE');
    const frame = {
        type: layout[0], number: bytes[0], flags: 0, to: [0, 0], from: [0, 0], from_node: 0n,
        trace: 0n, op: 0, kind: 0, code: 0, ref: 0n, count: 0n, sequence: 0, total: 0, offset: 0,
        rest: Buffer.alloc(0),
    };
    const fields = new Fields(bytes.subarray(1));
    for (const field of layout.slice(1)) readField(fields, frame, field);
    if (fields.at !== fields.bytes.length) refuse('LONG');
    checkFrame(frame, layout.slice(1));
    return frame;
}

function readStream(bytes) {
    const frames = [];
    let goodbye = false;
    for (let at = 0; at < bytes.length;) {
        if (goodbye) refuse('AFTER_GOODBYE');
        if (bytes.length - at < 4) refuse('TRUNCATED');
        const length = bytes.readUInt32BE(at);
        if (length === 0 || length > 65536) refuse('LENGTH');
        if (bytes.length - at - 4 < length) refuse('TRUNCATED');
        const frame = readFrame(bytes.subarray(at + 4, at + 4 + length));
        if (counted.includes(frame.type) && frame.count !== BigInt(frames.length)) refuse('COUNT');
        frames.push(frame);
        goodbye = frame.type === 'GOODBYE';
        at += 4 + length;
    }
    if (!goodbye) refuse('TRUNCATED');
    return frames;
}

function checkFrameVectors() {
    const seen = new Set();
    for (const vector of vectors.frames) {
        const bytes = hex(vector.bytes);
        const { bytes: ignored, ...wanted } = vector;
        const frame = readFrame(bytes.subarray(4));
        for (const key of ['from_node', 'trace', 'ref', 'count']) frame[key] = String(frame[key]);
        frame.rest = frame.rest.toString('hex');
        same(`length of ${vector.type}`, bytes.readUInt32BE(), bytes.length - 4);
        same(`frame ${vector.type}`, frame, wanted);
        seen.add(vector.number);
    }
    same('a vector for each type', seen.size, Object.keys(layouts).length);
}

function checkRefused() {
    for (const { bytes, error } of vectors.refused) {
        let got = 'OK';
        try {
            readStream(hex(bytes));
        } catch (problem) {
            if (!(problem instanceof Refused)) throw problem;
            got = problem.message;
        }
        same(`refusal of ${bytes}`, got, error);
    }
}

function checkFragments() {
    const parts = vectors.fragments.pieces.map((piece) => readFrame(hex(piece.bytes).subarray(4)));
    let whole = Buffer.alloc(0);
    for (const part of parts) {
        same('fragment', [part.type, part.sequence, part.offset], ['FRAGMENT', 41, whole.length]);
        whole = Buffer.concat([whole, part.rest]);
        same('total', part.total, vectors.fragments.whole.length / 2);
    }
    same('reassembled', whole, hex(vectors.fragments.whole));
    same('reassembled type', readFrame(whole).type, 'REQUEST');
}

// ---- Noise (section 5) ----

const hash = (...parts) => {
    const state = crypto.createHash('blake2b512');
    for (const part of parts) state.update(part);
    return state.digest();
};
const hmac = (key, data) => crypto.createHmac('blake2b512', key).update(data).digest();

function hkdf(chaining, input, count) {
    const temp = hmac(chaining, input);
    const outputs = [];
    let before = Buffer.alloc(0);
    for (let i = 1; i <= count; i++) {
        before = hmac(temp, Buffer.concat([before, Buffer.from([i])]));
        outputs.push(before);
    }
    return outputs;
}

const privateKey = (raw) => crypto.createPrivateKey({
    key: Buffer.concat([hex('302e020100300506032b656e04220420'), raw]), format: 'der',
    type: 'pkcs8',
});
const publicKeyOf = (raw) => crypto.createPublicKey(privateKey(raw))
    .export({ format: 'der', type: 'spki' }).subarray(-32);
const dh = (secret, point) => crypto.diffieHellman({
    privateKey: privateKey(secret),
    publicKey: crypto.createPublicKey({
        key: Buffer.concat([hex('302a300506032b656e032100'), point]), format: 'der', type: 'spki',
    }),
});

const nonceBytes = (nonce) => {
    const bytes = Buffer.alloc(12);
    bytes.writeBigUInt64LE(nonce, 4);
    return bytes;
};

function encrypt(key, nonce, ad, plain) {
    const cipher = crypto.createCipheriv('chacha20-poly1305', key, nonceBytes(nonce),
                                         { authTagLength: 16 });
    cipher.setAAD(ad, { plaintextLength: plain.length });
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key, nonce, ad, sealed) {
    const cipher = crypto.createDecipheriv('chacha20-poly1305', key, nonceBytes(nonce),
                                           { authTagLength: 16 });
    cipher.setAAD(ad, { plaintextLength: sealed.length - 16 });
    cipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]);
}

class Cipher {
    constructor(key) {
        this.key = key.subarray(0, 32);
        this.nonce = 0n;
    }

    seal = (plain, ad = Buffer.alloc(0)) => encrypt(this.key, this.nonce++, ad, plain);
    open = (sealed, ad = Buffer.alloc(0)) => decrypt(this.key, this.nonce++, ad, sealed);

    rekey() {
        this.key = encrypt(this.key, 2n ** 64n - 1n, Buffer.alloc(0), Buffer.alloc(32))
            .subarray(0, 32);
    }
}

class Noise {
    constructor(initiator, prologue, secret, ephemeral, psk) {
        Object.assign(this, { initiator, secret, ephemeral, psk });
        this.hash = Buffer.alloc(64);
        this.hash.write('Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b');
        this.chaining = this.hash;
        this.hash = hash(this.hash, prologue);
    }

    mixHash(data) {
        this.hash = hash(this.hash, data);
    }

    mixKey(input) {
        const [chaining, key] = hkdf(this.chaining, input, 2);
        this.chaining = chaining;
        this.cipher = new Cipher(key);
    }

    mixPsk() {
        const [chaining, temp, key] = hkdf(this.chaining, this.psk, 3);
        this.chaining = chaining;
        this.mixHash(temp);
        this.cipher = new Cipher(key);
    }

    seal(plain) {
        const sealed = this.cipher.seal(plain, this.hash);
        this.mixHash(sealed);
        return sealed;
    }

    open(sealed) {
        const plain = this.cipher.open(sealed, this.hash);
        this.mixHash(sealed);
        return plain;
    }

    mixEphemeral(point) {
        this.mixHash(point);
        this.mixKey(point);
        return point;
    }

    writeE = () => this.mixEphemeral(publicKeyOf(this.ephemeral));
    ee = () => this.mixKey(dh(this.ephemeral, this.theirEphemeral));
    es = () => this.mixKey(this.initiator ? dh(this.ephemeral, this.theirStatic)
        : dh(this.secret, this.theirEphemeral));
    se = () => this.mixKey(this.initiator ? dh(this.secret, this.theirEphemeral)
        : dh(this.ephemeral, this.theirStatic));

    write(step, payload) {
        const parts = [];
        if (step === 0) this.mixPsk();
        if (step < 2) parts.push(this.writeE());
        if (step === 1) this.ee();
        if (step > 0) parts.push(this.seal(publicKeyOf(this.secret)));
        if (step === 1) this.es();
        if (step === 2) this.se();
        parts.push(this.seal(payload));
        return Buffer.concat(parts);
    }

    read(step, message) {
        let at = 0;
        const take = (size) => message.subarray(at, at += size);
        if (step === 0) this.mixPsk();
        if (step < 2) this.theirEphemeral = this.mixEphemeral(take(32));
        if (step === 1) this.ee();
        if (step > 0) this.theirStatic = this.open(take(48));
        if (step === 1) this.es();
        if (step === 2) this.se();
        return this.open(take(message.length - at));
    }

    // The initiator's sending cipher, then the responder's.
    split = () => hkdf(this.chaining, Buffer.alloc(0), 2).map((key) => new Cipher(key));
}

function checkNoise(vector, index) {
    const sides = ['initiator', 'responder'].map((name) => new Noise(
        name === 'initiator', hex(vector.prologue), hex(vector[`${name}_static`]),
        hex(vector[`${name}_ephemeral`]), hex(vector.psk)));
    for (let step = 0; step < 3; step++) {
        const { payload, message } = vector.messages[step];
        same(`noise ${index} writes ${step}`, sides[step % 2].write(step, hex(payload)),
             hex(message));
        same(`noise ${index} reads ${step}`, sides[1 - step % 2].read(step, hex(message)),
             hex(payload));
    }
    const ciphers = sides[0].split();
    for (let i = 0; i < 2; i++) {
        const { payload, message } = vector.messages[3 + i];
        same(`noise ${index} transport ${i}`, ciphers[i].seal(hex(payload)), hex(message));
    }
}

// ---- handshake and records (sections 5 and 6) ----

function nodeId(incarnation, name) {
    const id = hash(incarnation, Buffer.from(name)).readBigUInt64BE();
    return id === 0n ? 1n : id;
}

function helloBytes(hello) {
    const { version, cluster, name, incarnation, connection, features, limits } = hello;
    return pack([version, cluster, name, hex(incarnation), BigInt(connection), BigInt(features),
                 ...limits]);
}

function checkHello(hello) {
    same(`hello of ${hello.name}`, helloBytes(hello), hex(hello.bytes));
    same(`id of ${hello.name}`, String(nodeId(hex(hello.incarnation), hello.name)), hello.node_id);
    const fields = unpack(hex(hello.bytes));
    same('fields of a hello', [fields.length, fields[2]], [12, hello.name]);
}

const framed = (message) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    return Buffer.concat([length, message]);
};

// What the four messages carry; the first with its preamble.
const payloadsOf = (vector) => [pack([1, 1]), hex(vector.responder.bytes),
                                hex(vector.initiator.bytes), pack([0])];

function checkPlainHandshake(vector) {
    const payloads = payloadsOf(vector).map(framed);
    payloads[0] = Buffer.concat([Buffer.from('troupe\x01\x00', 'latin1'), payloads[0]]);
    ['first', 'second', 'third', 'fourth'].forEach((name, i) =>
        same(`plain ${name}`, payloads[i], hex(vector[name])));
    checkHello(vector.initiator);
    checkHello(vector.responder);
}

function readRecords(stream, cipher) {
    const plain = [];
    for (let at = 0; at < stream.length;) {
        const length = stream.readUInt16BE(at);
        plain.push(cipher.open(stream.subarray(at + 2, at + 2 + length)));
        at += 2 + length;
    }
    return Buffer.concat(plain);
}

function checkRecords(name, vector, cipher) {
    const frames = readRecords(hex(vector.records), cipher);
    same(name, frames, hex(vector.frames));
    same(`frames of ${name}`, readStream(frames).map((frame) => frame.type),
         ['MESSAGE', 'MESSAGE', 'GOODBYE']);
}

function checkHandshake(vector) {
    const preamble = Buffer.from('troupe\x01\x01', 'latin1');
    const payloads = payloadsOf(vector);
    const [a, b] = ['initiator', 'responder'].map((name) => new Noise(
        name === 'initiator', preamble, hex(vector[`${name}_static`]),
        hex(vector[`${name}_ephemeral`]), hex(vector.psk)));
    const messages = [a, b, a].map((side, step) => {
        const message = side.write(step, payloads[step]);
        same(`payload ${step}`, (side === a ? b : a).read(step, message), payloads[step]);
        return framed(message);
    });
    const [initiatorSends, responderSends] = a.split();
    messages.push(framed(responderSends.seal(payloads[3])));
    messages[0] = Buffer.concat([preamble, messages[0]]);
    ['first', 'second', 'third', 'fourth'].forEach((name, i) =>
        same(`secure ${name}`, messages[i], hex(vector[name])));
    checkHello(vector.initiator);
    checkHello(vector.responder);
    checkRecords('records of the initiator', vector.initiator_sends, initiatorSends);
    checkRecords('records of the responder', vector.responder_sends, responderSends);
}

function checkRekey() {
    const cipher = new Cipher(hex(vectors.rekey.before));
    cipher.rekey();
    same('rekey', cipher.key, hex(vectors.rekey.after));
    same('rekey after', [vectors.rekey.records, vectors.rekey.bytes], [65536, 2 ** 30]);
}

checkFrameVectors();
checkRefused();
checkFragments();
vectors.noise.forEach(checkNoise);
checkPlainHandshake(vectors.plain_handshake);
checkHandshake(vectors.handshake);
checkRekey();
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
