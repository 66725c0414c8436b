// SPDX-License-Identifier: Apache-2.0

// The catalogue as one HTML file: styles and the search are in it, it loads nothing. Everything that comes from events or from people goes
// through one function that knows text and no markup.

package import JSONText

/// The catalogue as a page.
package struct CatalogPage {
    private let title: String
    private let types: [JSONValue]
    private let schemas: [String: JSONValue]

    /// The catalogue as a page.
    ///
    /// - Parameters:
    ///   - title: the heading.
    ///   - types: types of events as the API tells of them.
    ///   - schemas: versions of schemas, as the API tells of them, by subject.
    package init(title: String, types: [JSONValue], schemas: [String: JSONValue]) {
        self.title = title
        self.types = types
        self.schemas = schemas
    }

    /// The page.
    package var html: String {
        var page = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
            <title>\(Self.text(title))</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <header><h1>\(Self.text(title))</h1>
            <label>Search <input id="search" type="search" autocomplete="off"></label></header>
            <main>

            """
        page += "<nav aria-label=\"Types of events\"><ul>\n"
        for (number, type) in types.enumerated() {
            page += "<li data-text=\"\(Self.text(Self.searched(type)))\"><a href=\"#t\(number)\">"
            page += "\(Self.text(type["type"]?.string ?? ""))</a> <small>\(Self.known(type))</small></li>\n"
        }
        page += "</ul></nav>\n<div>\n"
        if types.isEmpty { page += "<p>No events are known.</p>\n" }
        for (number, type) in types.enumerated() { page += section(type, number) }
        page += "</div></main>\n<script>\(Self.script)</script>\n</body>\n</html>\n"
        return page
    }

    // MARK: One type

    private func section(_ type: JSONValue, _ number: Int) -> String {
        var html = "<section id=\"t\(number)\" data-text=\"\(Self.text(Self.searched(type)))\">\n"
        html += "<h2>\(Self.text(type["type"]?.string ?? ""))</h2>\n"
        html += "<p class=\"known\">\(Self.known(type))"
        if let owner = type["owner"]?.string { html += " · owner: <b>\(Self.text(owner))</b>" }
        html += " · seen \(type["count"]?.int64 ?? 0) times"
        if let last = type["last"]?.string { html += ", last at \(Self.text(last))" }
        html += "</p>\n"
        if let title = type["title"]?.string { html += "<h3>\(Self.text(title))</h3>\n" }
        if let text = type["description"]?.string { html += "<p class=\"text\">\(Self.text(text))</p>\n" }
        html += table(
            "Topics", ["topic", "seen", "first", "last", "copied by"], type["topics"],
            ["topic", "count", "first", "last", "rules"])
        html += table(
            "Published by", ["source", "topic", "by", "seen", "last"], type["producers"],
            ["source", "topic", "way", "count", "last"])
        html += list("Declared to publish", type["declared_producers"])
        html += table(
            "Gets it, and breaks if it changes", ["kind", "name", "topic", "gets", "passes on to"],
            type["consumers"], ["kind", "name", "topic", "gets", "targets"])
        html += list("Declared to consume", type["declared_consumers"])
        if let example = type["example"], example != .null { html += code("Example", example) }
        for schema in type["schemas"]?.array ?? [] {
            guard let subject = schema["subject"]?.string else { continue }
            let version = schema["version"]?.int64.map { ", version \($0)" } ?? ""
            let versions = Self.cell(schema["versions"])
            let title = "Schema \(subject)\(version) (of \(versions))"
            guard let content = schemas[subject]?["schema"] else {
                html += "<h4>\(Self.text(title))</h4>\n"
                continue
            }
            html += code(title, content)
        }
        return html + "</section>\n"
    }

    private func table(
        _ title: String, _ head: [String], _ rows: JSONValue?, _ members: [String]
    ) -> String {
        guard let rows = rows?.array, !rows.isEmpty else { return "" }
        var html = "<h4>\(Self.text(title))</h4>\n<table><thead><tr>"
        for name in head { html += "<th scope=\"col\">\(Self.text(name))</th>" }
        html += "</tr></thead><tbody>\n"
        for row in rows {
            html += "<tr>"
            for member in members { html += "<td>\(Self.text(Self.cell(row[member])))</td>" }
            html += "</tr>\n"
        }
        return html + "</tbody></table>\n"
    }

    private func list(_ title: String, _ names: JSONValue?) -> String {
        guard let names = names?.array, !names.isEmpty else { return "" }
        return "<h4>\(Self.text(title))</h4>\n<p>\(Self.text(Self.cell(.array(names))))</p>\n"
    }

    private func code(_ title: String, _ value: JSONValue) -> String {
        let text = value.string ?? String(decoding: value.serialized(pretty: true), as: UTF8.self)
        return "<details><summary>\(Self.text(title))</summary><pre>\(Self.text(text))</pre></details>\n"
    }

    // MARK: Text

    private static func known(_ type: JSONValue) -> String {
        switch (type["declared"]?.bool ?? false, type["discovered"]?.bool ?? false) {
        case (true, true): "declared, seen"
        case (true, false): "declared"
        default: "discovered"
        }
    }

    private static func cell(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null: "–"
        case .string(let text): text
        case .array(let elements): elements.map { cell($0) }.joined(separator: ", ")
        case let value?: value.description
        }
    }

    private static func searched(_ type: JSONValue) -> String {
        let words = ["type", "title", "owner", "description"].compactMap { type[$0]?.string }
        let topics = (type["topics"]?.array ?? []).compactMap { $0["topic"]?.string }
        let sources = (type["producers"]?.array ?? []).compactMap { $0["source"]?.string }
        return (words + topics + sources).joined(separator: " ").lowercased()
    }

    /// Text as it may stand in an element or an attribute in double quotes.
    static func text(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            // What HTML has no characters for.
            case "\0": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static let style = """
        :root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}body{margin:0}
        header{display:flex;gap:2rem;align-items:center;padding:0 1.5rem;border-bottom:1px solid #8886}
        main{display:grid;grid-template-columns:minmax(14rem,22rem) 1fr}nav{padding:1rem;border-right:1px solid #8886}
        nav ul{list-style:none;margin:0;padding:0}nav li{margin:.2rem 0;overflow-wrap:anywhere}small{opacity:.7}
        section{padding:1rem 1.5rem;border-bottom:1px solid #8886;overflow-wrap:anywhere}h2{margin:.2rem 0}h4{margin:1rem 0 .3rem}
        .text{white-space:pre-wrap}table{border-collapse:collapse}th,td{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
        th{font-weight:600;opacity:.75}pre{overflow:auto;padding:.8rem;background:#8881}[hidden]{display:none}
        @media(max-width:50rem){main{display:block}nav{border:0}}
        """

    private static let script = """
        "use strict";
        const field = document.getElementById("search");
        field.addEventListener("input", () => {
          const wanted = field.value.toLowerCase();
          for (const element of document.querySelectorAll("[data-text]")) {
            element.hidden = !element.dataset.text.includes(wanted);
          }
        });
        """
}
