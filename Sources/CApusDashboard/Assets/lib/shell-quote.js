// SPDX-License-Identifier: Apache-2.0

// Command lines that do what a page does. Words are quoted so that a shell takes them as they are, whatever an event or a name has in it.

/** @param {string} word */
export function quoted(word) {
    return /^[A-Za-z0-9_@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A line for `apus`; what is null or false is left out, and pairs with it.
 * @param {...(string | number | null | undefined | false | [string, string | number | null | undefined])} words
 */
export function commandLine(...words) {
    const known = words.flatMap((word) => {
        if (Array.isArray(word)) return word[1] === null || word[1] === undefined || word[1] === "" ? [] : [word[0], String(word[1])];
        return word === null || word === undefined || word === false ? [] : [String(word)];
    });
    return ["apus", ...known.map(quoted)].join(" ");
}
