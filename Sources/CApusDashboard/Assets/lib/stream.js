// SPDX-License-Identifier: Apache-2.0

// Server-Sent Events by `fetch`: `EventSource` cannot send a header, and a token does not belong into an address.

import { send, Problem } from "./api.js";
import { parseJSON } from "./json-text.js";

/** @typedef {{ event: string, data: any, id: string | null }} Message */
/**
 * `lost` is tried again; without a `token`, or when it was `refused` for another reason, it is not.
 * @typedef {"live" | "lost" | "token" | "refused"} StreamState
 */

/** Answers that may be others when the same is asked later: it took too long, there are too many. */
const PASSING = new Set([408, 429]);

/**
 * The messages of a stream until it ends or is aborted.
 * @param {string} path @param {AbortSignal} signal @param {string | null} [lastID] where to go on
 * @returns {AsyncGenerator<Message>}
 */
async function* messages(path, signal, lastID = null) {
    const headers = new Headers({ Accept: "text/event-stream" });
    if (lastID) headers.set("Last-Event-ID", lastID);
    const response = await send(path, { headers, signal });
    if (!response.ok) throw new Problem(response.status, await response.json().catch(() => null));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
            const message = parse(block);
            if (message) yield message;
        }
    }
}

/** @param {string} block @returns {Message | null} */
function parse(block) {
    let [event, id, data] = ["message", null, null];
    for (const line of block.split("\n")) {
        if (line.startsWith("event: ")) event = line.slice(7);
        else if (line.startsWith("id: ")) id = line.slice(4);
        else if (line.startsWith("data: ")) data = line.slice(6);
    }
    return data === null ? (id === null ? null : { event: "position", data: null, id }) : { event, data: parseJSON(data), id };
}

/**
 * Follows a stream, and takes it up again where it broke, after waits that grow up to 10 s.
 * @param {string} path
 * @param {{ signal: AbortSignal, receive: (message: Message) => void, state?: (state: StreamState, why?: Error) => void }} options
 */
export async function follow(path, { signal, receive, state = () => {} }) {
    let wait = 500;
    let lastID = null;
    while (!signal.aborted) {
        try {
            for await (const message of messages(path, signal, lastID)) {
                wait = 500;
                state("live");
                lastID = message.id ?? lastID;
                if (message.event !== "position") receive(message);
            }
            state("lost");
        } catch (error) {
            if (signal.aborted) return;
            // Asked in a way that cannot succeed; trying again would not help. A server that cannot be reached has given no status.
            if (error instanceof Problem && error.status > 0 && error.status < 500 && !PASSING.has(error.status)) {
                return state(error.status === 401 ? "token" : "refused", error);
            }
            state("lost", error);
        }
        await pause(wait, signal);
        wait = Math.min(wait * 2, 10_000);
    }
}

/** @param {number} milliseconds @param {AbortSignal} signal @returns {Promise<void>} */
export function pause(milliseconds, signal) {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
}
