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

/** Whether `apus` would take a word for an option, which no value is to be. A dash alone is the standard input. @param {string} word */
const isDashed = (word) => word.startsWith("-") && word !== "-";

/** An option by itself, such as `--yes`. */
const FLAG = /^--[a-z]+(?:-[a-z]+)*$/;

/**
 * A line for `apus`; what is null or false is left out, and pairs with it. Where a server is not at the address that `apus` takes by itself, the line
 * says which: it must not do to another server what the page does to this one. A value that begins with a dash is written so that it stays a value:
 * `--key=-5`, and behind `--` where it belongs to no option.
 * @param {...(string | number | null | undefined | false | [string, string | number | null | undefined])} words
 */
export function commandLine(...words) {
    /** @type {string[]} */
    const line = ["apus"];
    /** @type {string[]} */
    const behind = [];
    for (const word of words) {
        const [option, value] = Array.isArray(word) ? word : [null, word];
        if (value === null || value === undefined || value === false || (option !== null && value === "")) continue;
        const text = String(value);
        if (option !== null && isDashed(text)) line.push(quoted(`${option}=${text}`));
        else if (option !== null) line.push(quoted(option), quoted(text));
        // What follows such a value and is none of an option has to come behind it as well.
        else if (!FLAG.test(text) && (isDashed(text) || behind.length > 0)) behind.push(quoted(text));
        else line.push(quoted(text));
    }
    return [atThisServer(line.join(" ")), ...(behind.length > 0 ? ["--", ...behind] : [])].join(" ");
}
