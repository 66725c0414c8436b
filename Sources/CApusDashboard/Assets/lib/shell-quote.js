// SPDX-License-Identifier: Apache-2.0

// Command lines that do what a page does, at the server that the page is of. Words are quoted so that a shell takes them as they are, whatever an
// event or a name has in it.

/** Where `apus` looks for a server when it is told of none. */
const DEFAULT_ADDRESS = "http://127.0.0.1:8222";

/** @param {string} word */
export function quoted(word) {
    return /^[A-Za-z0-9_@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A line for `apus` that goes to this server, wherever it is pasted. @param {string} line */
export const atThisServer = (line) => (location.origin === DEFAULT_ADDRESS ? line : `${line} --url ${quoted(location.origin)}`);

/**
 * A line for `apus`; what is null or false is left out, and pairs with it. Where a server is not at the address that `apus` takes by itself, the line
 * says which: it must not do to another server what the page does to this one.
 * @param {...(string | number | null | undefined | false | [string, string | number | null | undefined])} words
 */
export function commandLine(...words) {
    const known = words.flatMap((word) => {
        if (Array.isArray(word)) return word[1] === null || word[1] === undefined || word[1] === "" ? [] : [word[0], String(word[1])];
        return word === null || word === undefined || word === false ? [] : [String(word)];
    });
    return atThisServer(["apus", ...known.map(quoted)].join(" "));
}
