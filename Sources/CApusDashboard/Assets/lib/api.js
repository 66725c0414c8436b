// SPDX-License-Identifier: Apache-2.0

// The HTTP API. Changes are sent as JSON, which no foreign page can do unasked. The token is kept for this tab alone and goes into a
// header, never into an address.

import { parseJSON } from "./json-text.js";

const TOKEN = "apus.token";

/** What the server answers when it cannot do what was asked (RFC 9457). */
export class Problem extends Error {
    /** @param {number} status @param {any} body */
    constructor(status, body) {
        super(body?.detail ?? `the server answered ${status}`);
        this.status = status;
        /** @type {string} */
        this.type = body?.type ?? "unknown";
        /** @type {string | undefined} */
        this.hint = body?.hint;
        this.body = body ?? {};
    }
}

/** @type {(isWrong: boolean) => Promise<string | null>} */
let askForToken = async () => null;
/** @type {Promise<string | null> | null} one question at a time, however many requests wait for its answer */
let question = null;

/** Says who asks the person for a token. @param {typeof askForToken} ask */
export function whenTokenIsWanted(ask) {
    askForToken = ask;
}

/** The address of the page for which nobody gave a token: what it does by itself, again and again, is not to ask again. @type {string | null} */
let declined = null;

/** @type {() => void} */
let tellOfToken = () => {};

/** Says who has to know that there is a token now, whoever asked for it. @param {typeof tellOfToken} tell */
export function whenTokenIsThere(tell) {
    tellOfToken = tell;
}

/** Asks the person, and keeps the token. @returns {Promise<boolean>} whether one was given */
export async function askAgain() {
    question ??= askForToken(hasToken()).finally(() => {
        question = null;
    });
    const answer = await question;
    declined = answer === null ? location.href : null;
    if (answer !== null) {
        sessionStorage.setItem(TOKEN, answer);
        tellOfToken();
    }
    return answer !== null;
}

/** @returns {boolean} whether this tab has a token */
export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

/** Forgets the token. */
export function forgetToken() {
    sessionStorage.removeItem(TOKEN);
    declined = null;
}

/**
 * Sends a request with the token there is; asks for one when the server wants it, and sends it again.
 * @param {string} path @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function send(path, options = {}) {
    for (;;) {
        const token = sessionStorage.getItem(TOKEN);
        const headers = new Headers(options.headers);
        if (token !== null) headers.set("Authorization", `Bearer ${token}`);
        const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" }).catch((error) => {
            if (!(error instanceof TypeError)) throw error;
            throw new Problem(0, { type: "unreachable", detail: "the server cannot be reached", hint: "see whether it runs, and try again" });
        });
        if (response.status !== 401) return response;
        // Another request may have brought a new one meanwhile.
        if (sessionStorage.getItem(TOKEN) !== token) continue;
        const isUnasked = (options.method ?? "GET") === "GET" && declined === location.href;
        if (isUnasked || !await askAgain()) throw new Problem(401, { type: "unauthorized", detail: "the server wants a token" });
    }
}

/**
 * @param {string} method @param {string} path @param {unknown} [body] @param {RequestInit} [options]
 * @returns {Promise<any>} the answer as JSON; null where there is none
 */
async function exchange(method, path, body, options = {}) {
    const init = { ...options, method };
    if (body !== undefined) {
        init.body = JSON.stringify(body);
        init.headers = { "Content-Type": "application/json", ...options.headers };
    }
    const response = await send(path, init);
    const text = await response.text();
    let json = null;
    try {
        json = text ? parseJSON(text) : null;
    } catch {
        // What is no JSON is no answer of the API; the status says what can be said.
    }
    if (!response.ok) throw new Problem(response.status, json);
    return json;
}

/**
 * @param {string} path @param {Record<string, string | number | boolean | null | undefined>} [query]
 * @param {{ signal?: AbortSignal }} [options]
 */
export const get = (path, query = {}, options = {}) => exchange("GET", path + queryText(query), undefined, options);

/** @param {string} path @param {unknown} [body] @param {RequestInit} [options] */
export const post = (path, body = {}, options) => exchange("POST", path, body, options);

/** @param {string} path @param {unknown} body */
export const put = (path, body) => exchange("PUT", path, body);

/** @param {string} path */
export const remove = (path) => exchange("DELETE", path);

/** @param {Record<string, string | number | boolean | null | undefined>} query */
export function queryText(query) {
    const known = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
    return known.length ? `?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}` : "";
}

/** A name as a part of a path. @param {string | number} name */
export const part = (name) => encodeURIComponent(name);

/**
 * Makes something that is not there yet: what is there is not to be changed by who means something new.
 * @param {string} path @param {unknown} body @param {string} name what it is called
 */
export async function create(path, body, name) {
    const found = await get(path).catch((error) => {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
    });
    if (found) throw new Problem(409, { type: "conflict", detail: `${name} is there already`, hint: "choose another name, or open it to change it" });
    return put(path, body);
}
