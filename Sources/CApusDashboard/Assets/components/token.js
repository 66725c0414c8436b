// SPDX-License-Identifier: Apache-2.0

// Asks for the server's token. It is kept for this tab until that is closed.

import { h } from "../lib/dom.js";
import { field } from "./parts.js";
import { openDialog } from "./dialog.js";

/**
 * @param {boolean} isWrong whether the one that was given is not the server's
 * @returns {Promise<string | null>} null when nobody gives one
 */
export function askForToken(isWrong) {
    const input = h("input.input", { type: "password", autocomplete: "off" });
    return new Promise((resolve) => {
        openDialog({
            title: "This server wants a token",
            body: [
                h("p.soft", {}, isWrong ? "The token that was given is not this server's. " : "",
                    "It is the one of ", h("code", {}, "--token-file"), " or ", h("code", {}, "APUS_TOKEN"),
                    ". This tab keeps it until it is closed; it is sent in a header and never stands in an address."),
                field("Token", input),
            ],
            label: "Go on",
            isReady: () => input.value.trim() !== "",
            act: async () => resolve(input.value.trim()),
            cancelled: () => resolve(null),
        });
    });
}
