// SPDX-License-Identifier: Apache-2.0

// Changes between two texts as people read them: what is gone, what is new, and a few lines around.

import { h } from "../lib/dom.js";
import { counted } from "../lib/format.js";

/** @typedef {import("../lib/diff.js").Change} Change */

/** Lines around a change that are shown. */
const AROUND = 3;
const SIGNS = { same: " ", removed: "-", added: "+" };

/** @param {Change[]} changes @param {string} label */
export function diffView(changes, label) {
    const near = changes.map((_, index) => changes.slice(Math.max(0, index - AROUND), index + AROUND + 1).some((one) => one.kind !== "same"));
    const lines = [];
    let left = 0;
    const leaveOut = () => {
        if (left > 0) lines.push(h("span.diff-gap", {}, `  … ${counted(left, "line")} alike\n`));
        left = 0;
    };
    changes.forEach((change, index) => {
        if (!near[index]) {
            left += 1;
            return;
        }
        leaveOut();
        lines.push(h("span.diff-line", { data: { kind: change.kind } }, `${SIGNS[change.kind]} ${change.text}\n`));
    });
    leaveOut();
    const [removed, added] = [changes.filter((one) => one.kind === "removed").length, changes.filter((one) => one.kind === "added").length];
    return h("div.stack", {},
        h("p.small.faint", {}, removed + added === 0 ? "The texts are the same when they are brought into one form."
            : `${counted(removed, "line")} gone, ${counted(added, "line")} new`),
        h("pre.code-block.diff", { tabindex: 0, role: "region", "aria-label": label }, lines));
}
