/*
 * What a session can do and what it cannot, from JavaScript: the same list for Node.js and for a
 * browser's page. run({ connect, url, token, troupe, report }) calls report(good, text) for each.
 */

const until = (register) => new Promise((resolve) => register(resolve));
const rejects = async (promise) => {
    try {
        await promise;
    } catch (error) {
        return error.code ?? error.name;
    }
    return 'OK';
};

/** A queue of what a callback is given. */
function queue() {
    const items = [], waiting = [];
    return {
        push: (...item) => (waiting.length ? waiting.shift()(item) : items.push(item)),
        next: () => (items.length ? Promise.resolve(items.shift()) : until((resolve) => waiting.push(resolve))),
    };
}

const show = (value) => JSON.stringify(value, (_, item) => {
    if (typeof item === 'bigint') return `${item}n`;
    if (item instanceof Map) return ['Map', ...item];
    if (item instanceof Uint8Array) return ['bytes', ...item];
    return item?.constructor?.name === 'Pid' ? item.toString() : item;
});

const everything = (session) => ({
    flag: true, small: 200, middle: -70000, large: 0xfedcba9876543210n, negative: -(1n << 63n), real: 1.5,
    text: 'grüße, 世界', bytes: new Uint8Array([0, 255, 7]), who: session.self, place: { x: -1, y: 2 },
    maybe: 5n, numbers: [1n, -1n, 1n << 40n], points: [{ x: 1, y: 2 }, { x: 3, y: 4 }],
    by_name: new Map([['a', 1n], ['b', 2n]]),
});

const tests = {
    async 'a name is found, another is not'({ session, same }) {
        same(await session.find('counter') !== null, true);
        same(await session.find('private'), null);
        same(await session.find('nobody'), null);
        same((await session.find('counter')).equals(await session.find('counter')), true);
        same((await session.find('counter')).equals(await session.find('echo')), false);
    },
    async 'a call, by pid and by name'({ session, same }) {
        const counter = await session.find('counter');
        const before = (await session.call(counter, 'get_total')).fields.total;
        same(typeof before, 'bigint');
        const after = await session.call('counter', 'add', { amount: (1n << 60n) + 1n });
        same(after.type, 'total');
        same(after.fields.total - before, (1n << 60n) + 1n);
        await session.call('counter', 'add', { amount: -((1n << 60n) + 1n) });
    },
    async 'a send, and a message that comes back'({ session, same, messages }) {
        const counter = await session.find('counter');
        session.send(counter, 'add', { amount: 0n });
        const [type, fields, from] = await messages.next();
        same(type, 'total');
        same(typeof fields.total, 'bigint');
        same(from.equals(counter), true);
    },
    async 'every kind of field comes back as it went'({ session, same }) {
        const sent = everything(session);
        const { type, fields } = await session.call('echo', 'test.everything', sent);
        same(type, 'test.everything');
        same(show(fields), show(sent));
    },
    async 'what is left out is zero'({ session, same }) {
        const { fields } = await session.call('echo', 'test.everything');
        same(show(fields), show({
            flag: false, small: 0, middle: 0, large: 0n, negative: 0n, real: 0, text: '', bytes: new Uint8Array(0),
            who: null, place: { x: 0, y: 0 }, maybe: null, numbers: [], points: [], by_name: new Map(),
        }));
    },
    async 'large messages'({ session, same }) {
        const bytes = new Uint8Array(900000).map((_, i) => i * 31);
        const { fields } = await session.call('echo', 'test.everything', { bytes }, { timeout: 60000 });
        same(fields.bytes.length === bytes.length && fields.bytes.every((byte, i) => byte === bytes[i]), true);
    },
    async 'calls under way are answered each with its own'({ session, same }) {
        const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
            session.call('echo', 'test.everything', { large: BigInt(i) }, { timeout: 60000 })));
        same(answers.every(({ fields }, i) => fields.large === BigInt(i)), true);
    },
    async 'a call that is late'({ session, same }) {
        same(await rejects(session.call('echo', 'never', {}, { timeout: 20 })), 'ETIMEDOUT');
    },
    async 'a call that nobody answers'({ session, same }) {
        same(await rejects(session.call('judge', 'verdict', { good: true, text: 'a call to the judge' })), 'ENOREPLY');
    },
    async 'a message that the receiver cannot use does not end it'({ session, same }) {
        same(await rejects(session.call('echo', 'test.everything', { text: 5 }).catch((e) => { throw e; })), 'TypeError');
        same((await session.call('counter', 'get_total')).type, 'total');
    },
    async 'names and types that are not for it'({ session, same, refused }) {
        same(await rejects(session.call('private', 'get_total')), 'ENOENT');
        same(await rejects(session.call('counter', 'tp.exited')), 'TypeError');
        session.send('private', 'add', { amount: 1n });
        const [operation, error] = await refused.next();
        same(`${operation} ${error.code}`, 'send ENOENT');
    },
    async 'pids that it was not given'({ session, same, refused, troupe }) {
        const bytes = session.self.bytes.slice();
        bytes[11] ^= 1; /* the slot */
        const forged = new troupe.Pid(bytes);
        same(await rejects(session.call(forged, 'get_total')), 'EREFUSED');
        same(await rejects(session.call('echo', 'test.everything', { who: forged })), 'EREFUSED');
        session.link(forged);
        same((await refused.next())[0], 'link');
        session.monitor(forged, () => same('down', 'never'));
        same((await refused.next())[0], 'monitor');
    },
    async 'it is called'({ session, same, messages }) {
        session.onCall('question', async ({ number }, from) => {
            same(from.equals(await session.find('caller')), true);
            return ['answer', { number: number + 1n }];
        });
        session.send('caller', 'call_me', { number: 41n, timeout_ms: 60000 });
        const [type, fields] = await messages.next();
        same(type, 'called');
        same(show(fields), show({ err: 'TP_OK', number: 42n }));
    },
    async 'it does not answer'({ session, same, messages }) {
        session.onCall('question', undefined);
        session.send('caller', 'call_me', { number: 1n, timeout_ms: 60000 });
        same((await messages.next())[1].err, 'TP_ENOREPLY');
    },
    async 'a monitor tells once, and how it ended'({ session, same }) {
        const { who } = (await session.call('factory', 'make_mortal')).fields;
        const downs = queue();
        session.monitor(who, downs.push);
        session.send(who, 'die', { code: 1234 });
        const [{ pid, code, reason }] = await downs.next();
        same(`${pid.equals(who)} ${code} ${reason}`, 'true 1234 user');
        session.monitor(who, downs.push);
        same((await downs.next())[0].reason, 'noproc');
    },
    async 'a monitor that was ended says nothing'({ session, same }) {
        const { who } = (await session.call('factory', 'make_mortal')).fields;
        const downs = queue();
        session.monitor(who, () => same('down', 'never'))();
        session.monitor(who, downs.push);
        session.send(who, 'die', { code: 0 });
        same((await downs.next())[0].reason, 'normal');
    },
    async 'a link, when exits are trapped'({ session, same, exited }) {
        session.trapExits(true);
        const { who } = (await session.call('factory', 'make_mortal')).fields;
        session.link(who);
        session.send(who, 'die', { code: 1001 });
        const [{ pid, code }] = await exited.next();
        same(`${pid.equals(who)} ${code}`, 'true 1001');
        const other = (await session.call('factory', 'make_mortal')).fields.who;
        session.link(other);
        session.unlink(other);
        const downs = queue();
        session.monitor(other, downs.push);
        session.send(other, 'die', { code: 1002 });
        await downs.next();
        session.link(other); /* to the dead */
        same((await exited.next())[0].reason, 'noproc');
        session.trapExits(false);
    },
    async 'a link ends the session with the other'({ session, open, same }) {
        const mine = await open();
        const ended = until((resolve) => mine.onClosed(resolve));
        await mine.call('factory', 'watch_me');
        const { who } = (await mine.call('factory', 'make_mortal')).fields;
        mine.link(who);
        mine.send(who, 'die', { code: 1003 });
        same((await ended).code, 1000);
        same((await session.call('factory', 'how_ended', {}, { timeout: 60000 })).fields.code, 1003);
    },
    async 'and the other with the session'({ session, open, same }) {
        const mine = await open();
        const { who } = (await mine.call('factory', 'make_mortal')).fields;
        const relay = (await session.call('factory', 'make_mortal')).fields.who;
        await mine.call(who, 'link_me'); /* the actor links itself to the session */
        await mine.call('factory', 'watch_me');
        mine.exit(1004);
        same((await session.call('factory', 'how_ended', {}, { timeout: 60000 })).fields.code, 1004);
        session.send(relay, 'die', { code: 0 });
    },
    async 'a close is a normal end'({ session, open, same }) {
        const mine = await open();
        await mine.call('factory', 'watch_me');
        const ended = until((resolve) => mine.onClosed(resolve));
        mine.close();
        same((await session.call('factory', 'how_ended', {}, { timeout: 60000 })).fields.code, 0);
        await ended;
        same(await rejects(mine.find('counter')), 'ECLOSED');
    },
    async 'many messages come in order'({ session, same, messages }) {
        session.send('echo', 'flood', { count: 500 });
        let good = true;
        for (let i = 0n; i < 500n; i++) good &&= (await messages.next())[1].number === i;
        same(good, true);
    },
    async 'another token is refused'({ connect, url, same }) {
        same(await rejects(connect(url, { token: 'another token of the same size..' })), 'EREFUSED');
    },
    async 'msgpack, there and back'({ same, troupe }) {
        const values = [null, true, false, 0, 127, 128, -1, -32, -33, 255, 256, 65535, 65536, 4294967295,
            -128, -129, -32768, -32769, -2147483648, 1.5, '', 'x'.repeat(31), 'x'.repeat(32), 'x'.repeat(70000),
            (1n << 64n) - 1n, -(1n << 63n), [1, [2, [3]]], new Map([['k', [null]]]), new Uint8Array(300)];
        for (const value of values) {
            const back = troupe.decode(troupe.encode(value));
            const number = typeof value === 'number' ? Number(back) : back;
            same(show(number), show(value));
        }
        for (const bad of [[], [0xc1], [0x92, 1], [0xdd, 255, 255, 255, 255], [0xa1], [0xa1, 255], [0, 0],
            Array(100).fill(0x91)])
            same(await rejects((async () => troupe.decode(new Uint8Array(bad)))()) !== 'OK', true);
    },
};

export async function run({ troupe, connect = troupe.connect, url, token, report }) {
    /* No verdict hangs on how fast the machine is: a call waits for a minute if nothing else is said. */
    const open = async () => {
        const session = await connect(url, { token });
        const call = session.call.bind(session);
        session.call = (to, type, fields, options = {}) => call(to, type, fields, { timeout: 60000, ...options });
        return session;
    };
    const session = await open();
    const messages = queue(), refused = queue(), exited = queue();
    session.onMessage(messages.push);
    session.onRefused(refused.push);
    session.onExited(exited.push);
    let failed = 0;
    for (const [name, test] of Object.entries(tests)) {
        let wrong = null;
        const same = (a, b) => {
            if (a !== b) wrong ??= `${show(a)} is not ${show(b)}`;
        };
        try {
            await test({ session, open, connect, url, troupe, same, messages, refused, exited });
        } catch (error) {
            wrong ??= String(error?.stack ?? error);
        }
        failed += wrong !== null;
        report(wrong === null, wrong === null ? name : `${name}: ${wrong}`);
    }
    return { session, failed, count: Object.keys(tests).length };
}
