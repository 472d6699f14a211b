/*
 * The example of the guide's chapter, as its page uses it. Usage: node example.mjs PROGRAM ROOT
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from '../../clients/javascript/troupe.mjs';

const [, , program, root] = process.argv;
const folder = mkdtempSync(`${tmpdir()}/tp-browser-`);
const token = 'the token of the example';
writeFileSync(`${folder}/token`, `${token}\n`, { mode: 0o600 });
const peer = spawn(program, ['--token-file', `${folder}/token`, '--port', '0', '--pays-per-second', '0',
    '--page', `${root}/examples/browser/page.html`, '--client', `${root}/clients/javascript/troupe.mjs`],
    { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = await once(peer.stdout, 'data');
const address = String(line).match(/http:\/\/([^/]*)\//)[1];

let failed = 0;
const same = (a, b, what) => {
    if (a === b) return;
    console.log(`FAIL ${what}: ${a} is not ${b}`);
    failed++;
};
const page = await (await fetch(`http://${address}/`)).text();
same(page.includes('<h1>The till</h1>'), true, 'the page is served');
const session = await connect(`ws://${address}/troupe`, { token });
const call = session.call.bind(session);
session.call = (to, type, fields) => call(to, type, fields, { timeout: 60000 });
const told = new Promise((resolve) => session.onMessage((type, fields) => {
    if (type === 'till.balance' && fields.payments === 1n) resolve(fields);
}));
const till = await session.find('till');
same((await session.call(till, 'till.watch')).fields.cents, 0n, 'an empty till');
const down = new Promise((resolve) => session.monitor(till, resolve));
same((await session.call('till', 'till.pay_in', { cents: 500n, from: 'me' })).fields.cents, 500n, 'a payment');
const { last, watchers } = await told;
same(`${last} ${watchers}`, 'me 1', 'the watcher is told');
same(await session.call('till', 'till.pay_in', { cents: -1n }).catch((error) => error.code), 'EINVAL', 'a theft');
session.send('till', 'till.close');
same((await down).reason, 'shutdown', 'the end of the till');
let next = null;
while (next === null || next.equals(till)) next = await session.find('till');
same((await session.call(next, 'till.watch')).fields.payments, 0n, 'a new till');
const closed = new Promise((resolve) => session.onClosed(resolve));
const exited = once(peer, 'exit'); /* before it may come: it is told once */
peer.kill('SIGTERM');
same((await closed).code, 1001, 'the end of the program');
const [status] = await exited;
same(status, 0, 'its status');
rmSync(folder, { recursive: true });
console.log(`${11 - failed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
