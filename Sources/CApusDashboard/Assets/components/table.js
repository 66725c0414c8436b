// SPDX-License-Identifier: Apache-2.0

// Tables: rows by key, so that what is there stays where it is while its figures change; `j` and `k` go through the rows, Enter opens one.

import { h, fill, append } from "../lib/dom.js";
import { pageKeys } from "../lib/keys.js";

/** @typedef {import("../lib/dom.js").Child} Child */
/**
 * @template Row
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: Row) => Child | Child[]} cell
 * @property {string} [kind] classes: `end` for numbers, `tight`, `wide`, `clip`, `name`, `spare` for what a small screen can do without
 */

/** @template Row */
export class Table {
    /** @type {{ row: Row, element: HTMLElement }[]} */
    #rows = [];
    #selected = -1;

    /**
     * @param {object} options
     * @param {string} options.label what the table lists
     * @param {Column<Row>[]} options.columns
     * @param {(row: Row) => string} options.key
     * @param {(row: Row) => string | null} [options.href] what Enter opens
     * @param {() => Element} options.empty shown in place of a table without rows
     */
    constructor({ label, columns, key, href = () => null, empty }) {
        this.columns = columns;
        this.key = key;
        this.href = href;
        this.empty = empty;
        this.body = h("tbody");
        this.table = h("table.table", { "aria-label": label },
            h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.kind }, column.label)))), this.body);
        this.element = h("div.table-wrap", { tabindex: -1 });
    }

    /** @param {Row[]} rows */
    set(rows) {
        const selected = this.#rows[this.#selected];
        const known = new Map(this.#rows.map((one) => [this.key(one.row), one.element]));
        this.#rows = rows.map((row) => ({ row, element: this.#fill(known.get(this.key(row)) ?? h("tr"), row) }));
        this.#place();
        this.#selected = selected ? this.#rows.findIndex((one) => this.key(one.row) === this.key(selected.row)) : -1;
        this.#mark();
    }

    /** Only what is not where it belongs is moved: a row that stays keeps focus and selection. */
    #place() {
        if (this.#rows.length === 0) {
            fill(this.element, this.empty());
            this.body.replaceChildren();
            return;
        }
        if (this.table.parentElement !== this.element) fill(this.element, this.table);
        const wanted = new Set(this.#rows.map((one) => one.element));
        for (const element of [...this.body.children]) if (!wanted.has(element)) element.remove();
        this.#rows.forEach(({ element }, index) => {
            if (this.body.children[index] !== element) this.body.insertBefore(element, this.body.children[index] ?? null);
        });
    }

    /** @param {HTMLElement} element @param {Row} row */
    #fill(element, row) {
        const cells = this.columns.map((column) => h("td", { class: column.kind }));
        cells.forEach((cell, index) => append(cell, this.columns[index].cell(row)));
        if (element.children.length === 0) {
            element.append(...cells);
        } else {
            // Compared first: replacing a link that somebody is about to press would swallow the click.
            cells.forEach((cell, index) => {
                if (!element.children[index].isEqualNode(cell) && !element.children[index].querySelector("button")) {
                    element.children[index].replaceWith(cell);
                }
            });
        }
        return element;
    }

    #mark() {
        this.#rows.forEach(({ element }, index) => {
            if (index === this.#selected) element.setAttribute("aria-selected", "true");
            else element.removeAttribute("aria-selected");
        });
    }

    /** @param {number} step */
    #move(step) {
        if (this.#rows.length === 0) return;
        this.#selected = Math.min(Math.max(this.#selected + step, 0), this.#rows.length - 1);
        this.#mark();
        this.#rows[this.#selected].element.scrollIntoView({ block: "nearest" });
    }

    /** Lets the keyboard go through the rows. @param {AbortSignal} signal @param {(path: string) => void} go */
    withKeys(signal, go) {
        const open = () => {
            const path = this.#rows[this.#selected] && this.href(this.#rows[this.#selected].row);
            if (path) go(path);
        };
        pageKeys([
            { keys: "j", about: "Next row", act: () => this.#move(1) },
            { keys: "k", about: "Row before", act: () => this.#move(-1) },
            { keys: "o", about: "Open the row", act: open },
        ], signal);
        document.addEventListener("keydown", (event) => {
            const isOnPage = event.target === document.body || event.target === document.querySelector("h1");
            if (event.key === "Enter" && isOnPage && this.#selected >= 0) open();
        }, { signal });
        return this;
    }
}
