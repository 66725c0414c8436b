// SPDX-License-Identifier: Apache-2.0

// What has changed between two texts, line by line.

/** @typedef {{ kind: "same" | "removed" | "added", text: string }} Change */

/** More comparisons than this are not made: then what differs is told as removed and added whole. */
const COMPARED = 4_000_000;

/**
 * The least changes that make the second text of the first.
 * @param {string} before @param {string} after @returns {Change[]}
 */
export function changes(before, after) {
    const [old, now] = [before.split("\n"), after.split("\n")];
    let start = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
    let end = 0;
    while (end < old.length - start && end < now.length - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
    const same = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("same"), text });
    return [
        ...old.slice(0, start).map(same),
        ...between(old.slice(start, old.length - end), now.slice(start, now.length - end)),
        ...old.slice(old.length - end).map(same),
    ];
}

/** By the longest lines that both have in common. @param {string[]} old @param {string[]} now @returns {Change[]} */
function between(old, now) {
    const removed = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("removed"), text });
    const added = (/** @type {string} */ text) => ({ kind: /** @type {const} */ ("added"), text });
    if (old.length * now.length > COMPARED) return [...old.map(removed), ...now.map(added)];
    // common[i][j]: how many lines the rests from i and j on have in common.
    const width = now.length + 1;
    const common = new Uint32Array((old.length + 1) * width);
    for (let i = old.length - 1; i >= 0; i -= 1) {
        for (let j = now.length - 1; j >= 0; j -= 1) {
            common[i * width + j] = old[i] === now[j] ? common[(i + 1) * width + j + 1] + 1
                : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
        }
    }
    /** @type {Change[]} */
    const found = [];
    let [i, j] = [0, 0];
    while (i < old.length || j < now.length) {
        if (i < old.length && j < now.length && old[i] === now[j]) {
            found.push({ kind: "same", text: old[i] });
            i += 1;
            j += 1;
        } else if (j >= now.length || (i < old.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
            found.push(removed(old[i]));
            i += 1;
        } else {
            found.push(added(now[j]));
            j += 1;
        }
    }
    return found;
}
