/*
 * The suite in Node.js: with the WebSocket that the client brings, with the platform's own where it
 * has one, and with the package ws where that is installed.
 * Usage: node node.mjs PROGRAM
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as troupe from '../../clients/javascript/troupe.mjs';
import { run } from './suite.mjs';

const token = 'a token for the tests of the gateway';
const peer = spawn(process.argv[2], [token], { stdio: ['pipe', 'pipe', 'inherit'] });
const [line] = await once(peer.stdout, 'data');
const [url] = String(line).split(' ');

const classes = { 'its own': await troupe.nodeWebSocket() };
if (globalThis.WebSocket) classes.platform = globalThis.WebSocket;
try {
    classes.ws = (await import('/usr/share/nodejs/ws/index.js')).default;
} catch {
    console.log('the package ws is not here (Debian: node-ws): left out');
}

let passed = 0, failed = 0;
for (const [name, WebSocket] of Object.entries(classes)) {
    const connect = (address, options) => troupe.connect(address, { ...options, WebSocket });
    const report = (good, text) => {
        if (!good) console.log(`FAIL ${name}: ${text}`);
        if (good) passed++;
        else failed++;
    };
    const { session } = await run({ troupe, connect, url, token, report });
    session.close();
}
peer.stdin.end();
const [status] = await once(peer, 'exit');
if (status !== 0) {
    console.log(`FAIL the gateway's process ended with ${status}`);
    failed++;
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed === 0 ? 0 : 1);
