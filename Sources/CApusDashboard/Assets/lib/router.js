// SPDX-License-Identifier: Apache-2.0

// From the address to a page. Every page has one, with what it shows in it, so that all of them can be passed on and come back to.

/**
 * What a page is given.
 * @typedef {object} Context
 * @property {string[]} names the names in the path, decoded
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborted when the page is left
 * @property {(path: string, options?: { replace?: boolean }) => void} go opens another page, or this one with another query
 * @property {(query: Record<string, string | null>) => void} setQuery says in the address what is shown, and shows nothing anew
 * @property {(milliseconds: number, work: () => Promise<void> | void) => Promise<void>} every does it now and again and again
 * @property {() => void} again shows the page anew
 */
/** @typedef {{ title: string, element: Element }} Page */
/** @typedef {(context: Context) => Page | Promise<Page>} PageMaker */

const BASE = "/ui";

export class Router {
    /** @type {AbortController} */
    #leaving = new AbortController();

    /**
     * @param {[string, PageMaker][]} routes paths below `/ui`, with `*` for a name
     * @param {{ missing: PageMaker, failed: (error: unknown) => Page, show: (page: Page, path: string) => void }} options
     */
    constructor(routes, { missing, failed, show }) {
        this.routes = routes.map(([path, maker]) => ({ parts: path.split("/").filter(Boolean), maker }));
        this.missing = missing;
        this.failed = failed;
        this.show = show;
    }

    start() {
        // A place within the page is no other page.
        addEventListener("popstate", () => !location.hash && this.open());
        document.addEventListener("click", (click) => this.#follow(click));
        this.open();
    }

    /** Links within the dashboard need no request. @param {MouseEvent} click */
    #follow(click) {
        if (click.defaultPrevented || click.button !== 0 || click.metaKey || click.ctrlKey || click.shiftKey || click.altKey) return;
        const link = click.target instanceof Element ? click.target.closest("a[href]") : null;
        const path = link?.getAttribute("href");
        if (!path?.startsWith(`${BASE}/`) || link?.hasAttribute("download")) return;
        click.preventDefault();
        this.go(path);
    }

    /** @param {string} path @param {{ replace?: boolean }} [options] */
    go(path, { replace = false } = {}) {
        history[replace ? "replaceState" : "pushState"](null, "", path);
        this.open();
        if (!replace) scrollTo(0, 0);
    }

    /** Opens the page that the address names. */
    async open() {
        this.#leaving.abort();
        const leaving = new AbortController();
        this.#leaving = leaving;
        const path = location.pathname.slice(BASE.length);
        const [maker, names] = this.#find(path);
        let page;
        try {
            page = await maker(this.#context(names, leaving.signal));
        } catch (error) {
            if (leaving.signal.aborted) return;
            page = this.failed(error);
        }
        if (!leaving.signal.aborted) this.show(page, path);
    }

    /** @param {string} path @returns {[PageMaker, string[]]} */
    #find(path) {
        let parts;
        try {
            parts = path.split("/").filter(Boolean).map(decodeURIComponent);
        } catch {
            return [this.missing, []];
        }
        for (const route of this.routes) {
            if (route.parts.length !== parts.length) continue;
            if (!route.parts.every((part, index) => part === "*" || part === parts[index])) continue;
            return [route.maker, parts.filter((_, index) => route.parts[index] === "*")];
        }
        return [this.missing, parts];
    }

    /** @param {string[]} names @param {AbortSignal} signal @returns {Context} */
    #context(names, signal) {
        return {
            names,
            signal,
            query: new URLSearchParams(location.search),
            go: (path, options) => this.go(path, options),
            again: () => void this.open(),
            setQuery: (changes) => {
                const query = new URLSearchParams(location.search);
                for (const [name, value] of Object.entries(changes)) {
                    if (value === null || value === "") query.delete(name);
                    else query.set(name, value);
                }
                const text = query.toString();
                history.replaceState(null, "", location.pathname + (text && `?${text}`));
            },
            every: (milliseconds, work) => repeat(milliseconds, work, signal),
        };
    }
}

/**
 * Does the work now, which the page waits for, and then again and again; not while nobody looks.
 * @param {number} milliseconds @param {() => Promise<void> | void} work @param {AbortSignal} signal
 */
async function repeat(milliseconds, work, signal) {
    await work();
    const next = () => {
        if (signal.aborted) return;
        setTimeout(async () => {
            if (signal.aborted) return;
            try {
                if (!document.hidden) await work();
            } catch {
                // The state of the connection says that the server cannot be asked; what is on the page stays.
            }
            next();
        }, milliseconds);
    };
    next();
}
