/*
 * A page or a program as an actor: the client of troupe's gateway (docs/gateway-protocol.md).
 *
 *     import { connect } from './troupe.mjs';
 *     const session = await connect('ws://127.0.0.1:8080/troupe', { token });
 *     const counter = await session.find('counter');
 *     session.send(counter, 'add', { amount: 3n });
 *     const { fields } = await session.call(counter, 'get_total');
 *     session.onMessage((type, fields, from) => console.log(type, fields.total));
 *
 * One file, no build step. It runs in browsers and in Node.js from version 18; where there is no
 * WebSocket (Node.js before 22) it brings one over node:net, for ws:// alone. Fields of 64 bits are
 * BigInt, always; pids are Pid objects that can be compared with equals and sent in messages.
 */

/* ---- msgpack ---- */

const PID_TYPE = 1;
const DEPTH_MAX = 32;
const text = new TextEncoder();
const untext = new TextDecoder('utf-8', { fatal: true });

/** The address of an actor. It is worth something only in the session that it was given to. */
export class Pid {
    constructor(bytes) {
        this.bytes = bytes;
        Object.freeze(this);
    }
    equals(other) {
        return other instanceof Pid && this.toString() === other.toString();
    }
    toString() {
        const hex = [...this.bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
        return `<${hex.slice(0, 16)}.${parseInt(hex.slice(16, 24), 16)}.${parseInt(hex.slice(24), 16)}>`;
    }
}

class Writer {
    constructor() {
        this.bytes = new Uint8Array(256);
        this.view = new DataView(this.bytes.buffer);
        this.size = 0;
    }
    room(count) {
        if (this.size + count > this.bytes.length) {
            const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.size + count));
            larger.set(this.bytes.subarray(0, this.size));
            this.bytes = larger;
            this.view = new DataView(larger.buffer);
        }
        const at = this.size;
        this.size += count;
        return at;
    }
    byte(value) {
        const at = this.room(1);
        this.bytes[at] = value;
    }
    /* A tag and a number of 1, 2 or 4 bytes, the shortest of which there is a tag for. */
    counted(value, tags) {
        if (value < 0x100 && tags[0]) {
            this.byte(tags[0]);
            this.byte(value);
        } else if (value < 0x10000) {
            const at = this.room(3);
            this.bytes[at] = tags[1];
            this.view.setUint16(at + 1, value);
        } else {
            const at = this.room(5);
            this.bytes[at] = tags[2];
            this.view.setUint32(at + 1, value);
        }
    }
    raw(bytes) {
        const at = this.room(bytes.length);
        this.bytes.set(bytes, at);
    }
    integer(value) {
        const big = BigInt(value);
        if (big >= -32n && big < 128n) this.byte(Number(big) & 0xff);
        else if (big >= 0n && big <= 0xffffffffn) this.counted(Number(big), [0xcc, 0xcd, 0xce]);
        else {
            if (big < -(1n << 63n) || big >= 1n << 64n) throw new RangeError(`${big} has more than 64 bits`);
            const at = this.room(9);
            this.bytes[at] = big < 0n ? 0xd3 : 0xcf;
            if (big < 0n) this.view.setBigInt64(at + 1, big);
            else this.view.setBigUint64(at + 1, big);
        }
    }
    float(value) {
        const at = this.room(9);
        this.bytes[at] = 0xcb;
        this.view.setFloat64(at + 1, value);
    }
    string(value) {
        if (typeof value !== 'string') throw new TypeError(`a string is asked for, not ${typeof value}`);
        const bytes = text.encode(value);
        if (bytes.length < 32) this.byte(0xa0 | bytes.length);
        else this.counted(bytes.length, [0xd9, 0xda, 0xdb]);
        this.raw(bytes);
    }
    binary(bytes) {
        if (!(bytes instanceof Uint8Array)) throw new TypeError('a Uint8Array is asked for');
        this.counted(bytes.length, [0xc4, 0xc5, 0xc6]);
        this.raw(bytes);
    }
    pid(pid) {
        this.byte(0xd8);
        this.byte(PID_TYPE);
        this.raw(pid.bytes);
    }
    array(count) {
        if (count < 16) this.byte(0x90 | count);
        else this.counted(count, [0, 0xdc, 0xdd]);
    }
    map(count) {
        if (count < 16) this.byte(0x80 | count);
        else this.counted(count, [0, 0xde, 0xdf]);
    }
    /* A value of which nothing is known but what it is. */
    any(value) {
        if (value === null || value === undefined) this.byte(0xc0);
        else if (typeof value === 'boolean') this.byte(value ? 0xc3 : 0xc2);
        else if (typeof value === 'bigint' || Number.isSafeInteger(value)) this.integer(value);
        else if (typeof value === 'number') this.float(value);
        else if (typeof value === 'string') this.string(value);
        else if (value instanceof Uint8Array) this.binary(value);
        else if (value instanceof Pid) this.pid(value);
        else if (Array.isArray(value)) {
            this.array(value.length);
            for (const item of value) this.any(item);
        } else if (value instanceof Map) {
            this.map(value.size);
            for (const [key, item] of value) {
                this.any(key);
                this.any(item);
            }
        } else throw new TypeError(`cannot encode ${typeof value}`);
    }
    done() {
        return this.bytes.slice(0, this.size);
    }
}

class Reader {
    constructor(bytes) {
        this.bytes = bytes;
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        this.at = 0;
    }
    take(count) {
        if (count > this.bytes.length - this.at) throw new RangeError('msgpack: the bytes end too early');
        this.at += count;
        return this.at - count;
    }
    slice(count) {
        const at = this.take(count);
        return this.bytes.slice(at, at + count);
    }
    unsigned(size) {
        const at = this.take(size);
        if (size === 1) return this.view.getUint8(at);
        return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at);
    }
    signed(size) {
        const at = this.take(size);
        if (size === 1) return this.view.getInt8(at);
        return size === 2 ? this.view.getInt16(at) : this.view.getInt32(at);
    }
    string(size) {
        return untext.decode(this.slice(size));
    }
    items(count, depth) {
        if (count > this.bytes.length - this.at) throw new RangeError('msgpack: a count beyond the bytes');
        const items = [];
        for (let i = 0; i < count; i++) items.push(this.value(depth + 1));
        return items;
    }
    pairs(count, depth) {
        if (2 * count > this.bytes.length - this.at) throw new RangeError('msgpack: a count beyond the bytes');
        const map = new Map();
        for (let i = 0; i < count; i++) {
            const key = this.value(depth + 1);
            map.set(key, this.value(depth + 1));
        }
        return map;
    }
    extension(size) {
        const type = this.signed(1);
        const bytes = this.slice(size);
        return type === PID_TYPE && size === 16 ? new Pid(bytes) : { type, bytes };
    }
    /* Integers in msgpack's forms of 64 bits are BigInt, the others numbers; fields of a known type
     * are put right afterwards. */
    value(depth = 0) {
        if (depth > DEPTH_MAX) throw new RangeError('msgpack: nested too deep');
        const tag = this.unsigned(1);
        if (tag < 0x80) return tag;
        if (tag >= 0xe0) return tag - 0x100;
        if (tag < 0x90) return this.pairs(tag & 15, depth);
        if (tag < 0xa0) return this.items(tag & 15, depth);
        if (tag < 0xc0) return this.string(tag & 31);
        const size = 1 << (tag & 3); /* of what 1, 2, 4, 8 forms share */
        switch (tag) {
            case 0xc0: return null;
            case 0xc2: return false;
            case 0xc3: return true;
            case 0xc4: return this.slice(this.unsigned(1));
            case 0xc5: return this.slice(this.unsigned(2));
            case 0xc6: return this.slice(this.unsigned(4));
            case 0xc7: return this.extension(this.unsigned(1));
            case 0xc8: return this.extension(this.unsigned(2));
            case 0xc9: return this.extension(this.unsigned(4));
            case 0xca: return this.view.getFloat32(this.take(4));
            case 0xcb: return this.view.getFloat64(this.take(8));
            case 0xcc: case 0xcd: case 0xce: return this.unsigned(size);
            case 0xcf: return this.view.getBigUint64(this.take(8));
            case 0xd0: case 0xd1: case 0xd2: return this.signed(size);
            case 0xd3: return this.view.getBigInt64(this.take(8));
            case 0xd4: case 0xd5: case 0xd6: case 0xd7: return this.extension(size);
            case 0xd8: return this.extension(16);
            case 0xd9: return this.string(this.unsigned(1));
            case 0xda: return this.string(this.unsigned(2));
            case 0xdb: return this.string(this.unsigned(4));
            case 0xdc: return this.items(this.unsigned(2), depth);
            case 0xdd: return this.items(this.unsigned(4), depth);
            case 0xde: return this.pairs(this.unsigned(2), depth);
            case 0xdf: return this.pairs(this.unsigned(4), depth);
            default: throw new RangeError('msgpack: a byte that begins nothing');
        }
    }
}

/** The bytes of a value (null, boolean, number, bigint, string, Uint8Array, Pid, array, Map). */
export function encode(value) {
    const out = new Writer();
    out.any(value);
    return out.done();
}

/** The value that all of the bytes are. */
export function decode(bytes) {
    const input = new Reader(bytes);
    const value = input.value();
    if (input.at !== bytes.length) throw new RangeError('msgpack: bytes behind the value');
    return value;
}

/* ---- messages by their descriptions: what the gateway says of its types ---- */

const FORM = { PLAIN: 0, ENUM: 1, NESTED: 2, OPTIONAL: 3, LIST: 4, LIST_OF: 5, MAP: 6 };
const ZERO = { bool: false, str: '', bin: new Uint8Array(0), blob: new Uint8Array(0), pid: null, f64: 0 };
const NO_PID = new Pid(new Uint8Array(16));
const isBig = (kind) => kind === 'u64' || kind === 'i64';

class Types {
    constructor(described) {
        this.known = new Map();
        for (const [name, fields] of described)
            this.known.set(name, fields.map(([field, kind, form]) => ({ field, kind, form })));
    }
    writePlain(out, kind, value, where) {
        if (kind === 'str') out.string(value);
        else if (kind === 'bin' || kind === 'blob') out.binary(value);
        else if (kind === 'bool') out.any(Boolean(value));
        else if (kind === 'f64') out.float(value);
        else if (kind === 'pid') out.pid(value ?? NO_PID);
        else if (typeof value === 'bigint' || Number.isSafeInteger(value)) out.integer(value);
        else throw new TypeError(`${where}: ${kind} takes an integer (a BigInt beyond 2^53)`);
    }
    zero(kind) {
        return isBig(kind) ? 0n : kind in ZERO ? ZERO[kind] : 0;
    }
    writeField(out, { kind, form, field }, value, where) {
        const place = `${where}.${field}`;
        const each = (items, write) => {
            out.array(items.length);
            items.forEach(write);
        };
        switch (form) {
            case FORM.NESTED:
                this.writeStruct(out, kind, value ?? {}, place);
                break;
            case FORM.OPTIONAL:
                if (value === null || value === undefined) out.any(null);
                else this.writePlain(out, kind, value, place);
                break;
            case FORM.LIST:
                each(value ?? [], (item) => this.writePlain(out, kind, item, place));
                break;
            case FORM.LIST_OF:
                each(value ?? [], (item) => this.writeStruct(out, kind, item, place));
                break;
            case FORM.MAP: {
                const map = value instanceof Map ? value : new Map(Object.entries(value ?? {}));
                out.map(map.size);
                for (const [key, item] of map) {
                    out.string(key);
                    this.writePlain(out, kind, item, place);
                }
                break;
            }
            default:
                this.writePlain(out, kind, value ?? this.zero(kind), place);
        }
    }
    writeStruct(out, name, fields, where) {
        const described = this.known.get(name);
        for (const given of Object.keys(fields))
            if (!described.some(({ field }) => field === given)) throw new TypeError(`${where} has no field ${given}`);
        out.array(described.length);
        for (const field of described) this.writeField(out, field, fields[field.field], where);
    }
    /* [name, field...]; fields as an object, or as an array in their order. */
    writeMessage(out, name, fields) {
        const described = this.known.get(name);
        if (!described) throw new TypeError(`the gateway takes no messages of type ${name}`);
        out.array(described.length + 1);
        out.string(name);
        const given = Array.isArray(fields)
            ? Object.fromEntries(described.map(({ field }, i) => [field, fields[i]]))
            : fields;
        for (const key of Object.keys(given))
            if (!described.some(({ field }) => field === key)) throw new TypeError(`${name} has no field ${key}`);
        for (const field of described) this.writeField(out, field, given[field.field], name);
    }
    readPlain(kind, value) {
        if (isBig(kind)) return BigInt(value);
        return value instanceof Pid && value.equals(NO_PID) ? null : value;
    }
    readField({ kind, form }, value) {
        if (value === undefined) return form === FORM.PLAIN ? this.zero(kind) : undefined;
        switch (form) {
            case FORM.NESTED: return this.readStruct(kind, value);
            case FORM.OPTIONAL: return value === null ? null : this.readPlain(kind, value);
            case FORM.LIST: return value.map((item) => this.readPlain(kind, item));
            case FORM.LIST_OF: return value.map((item) => this.readStruct(kind, item));
            case FORM.MAP:
                return new Map([...value].map(([key, item]) => [key, this.readPlain(kind, item)]));
            default: return this.readPlain(kind, value);
        }
    }
    readStruct(name, values) {
        const described = this.known.get(name);
        return Object.fromEntries(
            described.map((field, i) => [field.field, this.readField(field, values[i])]));
    }
    /* Fields as an object by their names; of a type that is not described, as an array. */
    readMessage([type, ...values]) {
        return { type, fields: this.known.has(type) ? this.readStruct(type, values) : values };
    }
}

/* ---- the session ---- */

const SAY = {
    HELLO: 1, FIND: 2, SEND: 3, CALL: 4, REPLY: 5, REFUSE: 6, LINK: 7, UNLINK: 8, MONITOR: 9, DEMONITOR: 10,
    TRAP: 11, EXIT: 12,
};
const HEAR = {
    WELCOME: 1, FOUND: 2, MESSAGE: 3, REQUEST: 4, REPLY: 5, FAILED: 6, EXITED: 7, DOWN: 8, REFUSED: 9,
};
const NAMES = Object.fromEntries(Object.entries(SAY).map(([name, number]) => [number, name.toLowerCase()]));
const VERSION = 1;
const ENOREPLY = 6;

/** What a call or another request came to; `code` is the library's name for it, "ETIMEDOUT". */
export class TroupeError extends Error {
    constructor(code, message = code) {
        super(message);
        this.name = 'TroupeError';
        this.code = code;
    }
}

/** An actor of the gateway's node, for as long as the connection lasts. Made by connect. */
export class Session {
    #socket;
    #types = new Types([]);
    #next = 1n;
    #waiting = new Map(); /* id -> { resolve, reject, take } */
    #monitors = new Map(); /* id -> handler */
    #calls = new Map(); /* type -> handler */
    #handlers = { message: [], exited: [], refused: [], closed: [] };
    #opened;
    #end = null;

    constructor(socket, token) {
        this.#socket = socket;
        this.self = null; /** this session's own pid */
        socket.binaryType = 'arraybuffer';
        this.opened = new Promise((resolve, reject) => { this.#opened = { resolve, reject }; });
        this.opened.catch(() => {});
        socket.onopen = () => this.#say(SAY.HELLO, (out) => {
            out.integer(VERSION);
            out.string(token);
        });
        socket.onmessage = (event) => this.#heard(event.data);
        socket.onerror = () => {};
        socket.onclose = (event) => this.#closed(event);
    }

    /* -- what it does -- */

    /** The pid of an exported name, or null. */
    find(name) {
        return this.#ask(SAY.FIND, (out) => out.string(name), (pid) => pid);
    }
    /** Sends and goes on. `to`: a Pid, or an exported name. What is refused comes to onRefused. */
    send(to, type, fields = {}) {
        this.#say(SAY.SEND, (out) => {
            this.#target(out, to);
            this.#types.writeMessage(out, type, fields);
        });
    }
    /** Resolves to { type, fields }; rejects with a TroupeError. `timeout` in milliseconds. */
    call(to, type, fields = {}, { timeout = 5000 } = {}) {
        return this.#ask(SAY.CALL, (out) => {
            this.#target(out, to);
            this.#types.writeMessage(out, type, fields);
            out.integer(Math.ceil(timeout));
        }, (message) => this.#types.readMessage(message));
    }
    /** When the other ends, this session does, and the other way round; see trapExits. */
    link(pid) {
        this.#say(SAY.LINK, (out) => out.pid(pid));
    }
    unlink(pid) {
        this.#say(SAY.UNLINK, (out) => out.pid(pid));
    }
    /** Calls handler({ pid, code, reason, detail }) once when the actor has ended. Returns what ends
     * the monitor. */
    monitor(pid, handler) {
        const id = this.#next++;
        this.#monitors.set(id, handler);
        this.#say(SAY.MONITOR, (out) => {
            out.integer(id);
            out.pid(pid);
        });
        return () => {
            if (this.#monitors.delete(id) && !this.#end) this.#say(SAY.DEMONITOR, (out) => out.integer(id));
        };
    }
    /** From now on exit signals come to onExited (true), or end this session (false, the default). */
    trapExits(trap) {
        this.#say(SAY.TRAP, (out) => out.any(Boolean(trap)));
    }
    /** Ends the session, as an actor ends: 0 normal, 1 shutdown, 1000 and more the program's own. */
    exit(code = 0, detail = new Uint8Array(0)) {
        this.#say(SAY.EXIT, (out) => {
            out.integer(code);
            out.binary(typeof detail === 'string' ? text.encode(detail) : detail);
        });
    }
    /** Ends the session normally. */
    close() {
        this.#socket.close(1000);
    }

    /* -- what it hears -- */

    /** handler(type, fields, from) for each message. */
    onMessage(handler) { this.#handlers.message.push(handler); }
    /** handler({ pid, code, reason, detail }) for each exit signal. */
    onExited(handler) { this.#handlers.exited.push(handler); }
    /** handler(operation, error) for what the gateway would not do and no promise tells of. */
    onRefused(handler) { this.#handlers.refused.push(handler); }
    /** handler({ code }) when the connection is over; at once if it is. */
    onClosed(handler) {
        if (this.#end) handler(this.#end);
        else this.#handlers.closed.push(handler);
    }
    /** handler(fields, from) answers calls of that type: returns [type, fields], or a promise of it. A
     * handler that throws, and a type without one, fail the call with ENOREPLY. */
    onCall(type, handler) { this.#calls.set(type, handler); }

    /* -- inside -- */

    #say(operation, write) {
        if (this.#end) throw new TroupeError('ECLOSED', 'the session is over');
        const out = new Writer();
        const body = new Writer();
        write(body);
        const bytes = body.done();
        /* the count of arguments is known by their operation */
        out.array(1 + [0, 2, 2, 2, 4, 2, 2, 1, 1, 2, 1, 1, 2][operation]);
        out.integer(operation);
        out.raw(bytes);
        this.#socket.send(out.done());
    }
    #target(out, to) {
        if (typeof to === 'string') out.string(to);
        else if (to instanceof Pid) out.pid(to);
        else throw new TypeError('a Pid or an exported name is asked for');
    }
    #ask(operation, write, take) {
        return new Promise((resolve, reject) => {
            const id = this.#next++;
            this.#say(operation, (out) => {
                out.integer(id);
                write(out);
            });
            this.#waiting.set(id, { resolve, reject, take });
        });
    }
    #settle(id, settle) {
        const waiting = this.#waiting.get(BigInt(id));
        this.#waiting.delete(BigInt(id));
        if (waiting) settle(waiting);
    }
    #tell(what, ...values) {
        for (const handler of this.#handlers[what]) handler(...values);
    }
    #heard(data) {
        const [operation, ...rest] = decode(new Uint8Array(data));
        switch (operation) {
            case HEAR.WELCOME:
                [, this.self, this.maxFrame] = rest;
                this.#types = new Types(rest[3]);
                this.#opened.resolve(this);
                break;
            case HEAR.FOUND:
            case HEAR.REPLY:
                this.#settle(rest[0], ({ resolve, reject, take }) => {
                    try {
                        resolve(take(rest[1]));
                    } catch (error) {
                        reject(error);
                    }
                });
                break;
            case HEAR.FAILED:
                this.#failed(rest[0], rest[1]);
                break;
            case HEAR.MESSAGE: {
                const { type, fields } = this.#types.readMessage(rest[1]);
                this.#tell('message', type, fields, rest[0]);
                break;
            }
            case HEAR.REQUEST:
                this.#asked(...rest);
                break;
            case HEAR.EXITED: {
                const [pid, code, reason, detail] = rest;
                this.#tell('exited', { pid, code, reason, detail });
                break;
            }
            case HEAR.DOWN: {
                const [id, pid, code, reason, detail] = rest;
                const handler = this.#monitors.get(BigInt(id));
                this.#monitors.delete(BigInt(id));
                if (handler) handler({ pid, code, reason, detail });
                break;
            }
            case HEAR.REFUSED:
                this.#tell('refused', NAMES[rest[0]], new TroupeError(rest[1]));
                break;
            default: /* of a later version */
        }
    }
    #failed(id, code) {
        if (this.#monitors.delete(BigInt(id))) this.#tell('refused', 'monitor', new TroupeError(code));
        else this.#settle(id, ({ reject }) => reject(new TroupeError(code)));
    }
    async #asked(id, from, message) {
        const { type, fields } = this.#types.readMessage(message);
        try {
            const handler = this.#calls.get(type);
            if (!handler) throw new TroupeError('ENOREPLY', `nobody answers ${type}`);
            const [replyType, replyFields = {}] = await handler(fields, from);
            if (this.#end) return;
            this.#say(SAY.REPLY, (out) => {
                out.integer(id);
                this.#types.writeMessage(out, replyType, replyFields);
            });
        } catch (error) {
            if (!(error instanceof TroupeError)) console.error(error);
            if (this.#end) return;
            this.#say(SAY.REFUSE, (out) => {
                out.integer(id);
                out.integer(ENOREPLY);
            });
        }
    }
    #closed({ code }) {
        if (this.#end) return;
        this.#end = { code };
        const error = new TroupeError(
            code === 1008 ? 'EREFUSED' : 'ENOCONNECTION', `the connection is over (${code})`);
        this.#opened.reject(error);
        for (const { reject } of this.#waiting.values()) reject(error);
        this.#waiting.clear();
        this.#monitors.clear();
        this.#tell('closed', this.#end);
    }
}

/**
 * Opens a session. `token` is what the gateway asks for; it goes into the first frame, never into
 * the URL. `WebSocket`: a class to be used in the place of the platform's own. Rejects with a
 * TroupeError: EREFUSED (the token), ENOCONNECTION.
 */
export async function connect(url, { token, WebSocket = globalThis.WebSocket } = {}) {
    if (typeof token !== 'string') throw new TypeError('connect: a token is asked for');
    const Class = WebSocket ?? await nodeWebSocket();
    return new Session(new Class(url, 'troupe.1'), token).opened;
}

/* ---- a WebSocket for Node.js before 22: ws:// to a server that sends whole frames ---- */

/** The class that connect uses where the platform has none. */
export async function nodeWebSocket() {
    const net = await import('node:net');
    const { createHash, randomBytes } = await import('node:crypto');
    const frame = (opcode, payload) => {
        const size = payload.length;
        const long = size > 0xffff ? 8 : size > 125 ? 2 : 0;
        const out = Buffer.alloc(6 + long + size);
        const mask = randomBytes(4);
        out[0] = 0x80 | opcode;
        out[1] = 0x80 | (long === 8 ? 127 : long === 2 ? 126 : size);
        if (long === 2) out.writeUInt16BE(size, 2);
        if (long === 8) out.writeBigUInt64BE(BigInt(size), 2);
        mask.copy(out, 2 + long);
        for (let i = 0; i < size; i++) out[6 + long + i] = payload[i] ^ mask[i & 3];
        return out;
    };
    return class NodeWebSocket {
        #socket;
        #input = Buffer.alloc(0);
        #open = false;
        #code = 1006;
        #key = randomBytes(16).toString('base64');
        constructor(url, protocol) {
            const { protocol: scheme, hostname, host, port, pathname } = new URL(url);
            if (scheme !== 'ws:') throw new TypeError('only ws:// here: give connect a WebSocket class');
            this.#socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) });
            this.#socket.setNoDelay(true);
            this.#socket.on('connect', () => this.#socket.write(
                `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n`
                + `Sec-WebSocket-Key: ${this.#key}\r\nSec-WebSocket-Version: 13\r\n`
                + `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`));
            this.#socket.on('data', (bytes) => {
                this.#input = Buffer.concat([this.#input, bytes]);
                if (!this.#open) this.#shake();
                while (this.#open && this.#take());
            });
            this.#socket.on('error', () => {});
            this.#socket.on('close', () => this.onclose({ code: this.#code }));
        }
        send(bytes) {
            this.#socket.write(frame(2, bytes));
        }
        close(code = 1000) {
            if (!this.#open) this.#socket.destroy();
            else this.#socket.end(frame(8, Buffer.from([code >> 8, code & 0xff])));
        }
        #shake() {
            const end = this.#input.indexOf('\r\n\r\n');
            if (end < 0) return;
            const head = this.#input.subarray(0, end).toString('latin1');
            const accept = createHash('sha1')
                .update(`${this.#key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
            this.#input = this.#input.subarray(end + 4);
            if (!/^HTTP\/1\.1 101 /.test(head) || !head.includes(`Sec-WebSocket-Accept: ${accept}`)) {
                this.#socket.destroy();
                return;
            }
            this.#open = true;
            this.onopen({});
        }
        /* One frame, if it is all there: true. A server does not mask, and ours does not fragment. */
        #take() {
            const input = this.#input;
            if (input.length < 2) return false;
            const small = input[1] & 0x7f;
            const head = small === 126 ? 4 : small === 127 ? 10 : 2;
            if (input.length < head) return false;
            const size = small === 126 ? input.readUInt16BE(2)
                : small === 127 ? Number(input.readBigUInt64BE(2)) : small;
            if (input.length < head + size) return false;
            const payload = input.subarray(head, head + size);
            this.#input = input.subarray(head + size);
            if (input[0] === 0x82) this.onmessage({ data: Uint8Array.from(payload).buffer });
            else if (input[0] === 0x89) this.#socket.write(frame(10, payload));
            else if (input[0] === 0x88) {
                this.#code = size >= 2 ? payload.readUInt16BE(0) : 1005;
                this.#socket.end(frame(8, payload.subarray(0, 2)));
                return false;
            } else if (input[0] !== 0x8a) {
                this.#code = 1002;
                this.#socket.destroy();
                return false;
            }
            return true;
        }
    };
}
