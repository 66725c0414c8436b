// SPDX-License-Identifier: Apache-2.0

// A list that the server cuts into pages and searches: what is looked for and which page it is stand in the address. However long the
// list is, the browser has one page of it.

import { h, fill } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { button, searchField } from "./parts.js";
import { toast } from "./toast.js";

/** How many rows a page has. */
const LIMIT = 50;

export class PagedList {
    /**
     * @param {import("../lib/router.js").Context} context
     * @param {object} options
     * @param {string} options.path of the API
     * @param {string} options.member of the answer that has the elements
     * @param {string} options.label what is searched
     * @param {import("./table.js").Table<any>} options.table
     * @param {(rows: any[]) => void} [options.note] told of the rows before they are shown
     * @param {Record<string, string | null>} [options.query] further parameters
     * @param {(row: any) => string} [options.name] what a row is called
     * @param {boolean} [options.isSearched] whether the API can search it
     */
    constructor(context, { path, member, label, table, note = () => {}, query = {}, name = (row) => row.name, isSearched = true }) {
        Object.assign(this, { context, path, member, table, note, query, name });
        this.search = context.query.get("search") ?? "";
        /** The last names of the pages before this one. @type {string[]} */
        this.trail = context.query.getAll("after").slice(0, 1);
        this.next = null;
        this.where = h("span.small.faint");
        this.back = button("← Back", () => this.#turn(this.trail.slice(0, -1)), { compact: true });
        this.forward = button("Next page →", () => this.next && this.#turn([...this.trail, this.next]), { compact: true });
        this.toolbar = h("div.toolbar", {}, isSearched && searchField(label, this.search, (text) => {
            this.search = text;
            this.#turn([]);
        }), this.where, h("span.push"), this.back, this.forward);
    }

    /** @param {string[]} trail */
    #turn(trail) {
        this.trail = trail;
        this.context.setQuery({ search: this.search || null, after: trail.at(-1) ?? null });
        this.load().catch((error) => {
            if (!this.context.signal.aborted) toast(error.message, "bad");
        });
    }

    /** Gets the page anew. */
    async load() {
        const asked = [this.search, this.trail.at(-1)].join("\n");
        const answer = await get(this.path, { ...this.query, search: this.search || null, after: this.trail.at(-1), limit: LIMIT + 1 },
            { signal: this.context.signal });
        // Somebody typed on meanwhile: that answer comes by itself.
        if (asked !== [this.search, this.trail.at(-1)].join("\n")) return;
        // One more than is shown tells whether there is another page.
        const rows = answer[this.member].slice(0, LIMIT);
        this.next = answer[this.member].length > LIMIT ? this.name(rows.at(-1)) : null;
        this.note(rows);
        this.table.set(rows);
        this.forward.hidden = !this.next;
        this.back.hidden = this.trail.length === 0;
        fill(this.where, rows.length > 0 && (this.next || this.trail.length)
            ? `${this.name(rows[0])} … ${this.name(rows.at(-1))}` : this.search && `${rows.length} found`);
    }
}
