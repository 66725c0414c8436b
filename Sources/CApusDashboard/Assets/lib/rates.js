// SPDX-License-Identifier: Apache-2.0

// Rates of things in lists: the API tells counts since start, two looks at them make a rate. Kept per list, for what is on it now.

export class Rates {
    /** @type {Map<string, { at: number, counts: Record<string, number>, rates: Record<string, number | null> }>} */
    #seen = new Map();

    /**
     * Takes note of what a list says now.
     * @param {any[]} things with a `name` @param {string[]} counts names of the members to make rates of
     */
    note(things, counts) {
        const at = performance.now();
        const seen = new Map();
        for (const thing of things) {
            const before = this.#seen.get(thing.name);
            const now = { at, counts: Object.fromEntries(counts.map((name) => [name, thing[name]])), rates: {} };
            for (const name of counts) {
                const grown = before ? thing[name] - before.counts[name] : -1;
                now.rates[name] = before && grown >= 0 ? grown / ((at - before.at) / 1000) : null;
            }
            seen.set(thing.name, now);
        }
        this.#seen = seen;
    }

    /** @param {string} name @param {string} count @returns {number | null} per second; null until it was looked at twice */
    of(name, count) {
        return this.#seen.get(name)?.rates[count] ?? null;
    }
}
