// SPDX-License-Identifier: Apache-2.0

// Holds JSONSchema against a folder in the form of the official JSON-Schema-Test-Suite: `apus-schema-check FOLDER [LIST]`. Prints how
// many cases of each draft pass and names those that do not; ends with 1 if a mandatory one is among them. The file LIST gets a line
// for each optional case: that it passes, or why it does not. Where the suite comes from is scripts/conformance's business.

import FoundationEssentials
import Glibc
import JSONSchema
import JSONText

@main
struct SchemaCheck {
    /// What became of the cases of a draft, mandatory or optional ones.
    struct Tally {
        var passes: [String] = []
        var failures: [String] = []
    }

    static let drafts: [(folder: String, draft: SchemaDraft)] = [
        ("draft2020-12", .draft2020), ("draft2019-09", .draft2019), ("draft7", .draft7),
    ]

    static func main() {
        guard (2...3).contains(CommandLine.arguments.count) else {
            return fail("usage: apus-schema-check FOLDER [LIST]")
        }
        let root = CommandLine.arguments[1]
        do {
            let library = try remotes(below: root + "/remotes")
            var mandatoryFailures = 0
            var optionalFailures: [String] = []
            var list: [String] = []
            print("draft          mandatory       optional")
            for (folder, draft) in drafts {
                let files = try files(below: "\(root)/tests/\(folder)")
                let mandatory = try run(files.filter { !$0.contains("/optional/") }, draft, library, root)
                let optional = try run(files.filter { $0.contains("/optional/") }, draft, library, root)
                let left = cell(mandatory)
                print("\(pad(folder, 14)) \(pad(left, 15)) \(cell(optional))")
                for failure in mandatory.failures { print("  FAILED \(failure)") }
                mandatoryFailures += mandatory.failures.count
                optionalFailures += optional.failures
                list += optional.passes.map { "pass  \($0)" } + optional.failures.map { "FAIL  \($0)" }
            }
            if CommandLine.arguments.count == 3 {
                let text = Data((list.joined(separator: "\n") + "\n").utf8)
                guard FileManager.default.createFile(atPath: CommandLine.arguments[2], contents: text) else {
                    return fail("\(CommandLine.arguments[2]) cannot be written")
                }
            }
            for failure in optionalFailures { print("optional, not passed: \(failure)") }
            if mandatoryFailures > 0 { fail("\(mandatoryFailures) mandatory cases failed") }
        } catch {
            fail("\(error)")
        }
    }

    static func cell(_ tally: Tally) -> String {
        "\(tally.passes.count) of \(tally.passes.count + tally.failures.count)"
    }

    static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }

    static func fail(_ message: String) {
        print(message)
        exit(1)
    }

    /// All JSON files below a folder, sorted.
    static func files(below folder: String) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
        return names.filter { $0.hasSuffix(".json") }.map { folder + "/" + $0 }.sorted()
    }

    static func read(_ path: String) throws -> JSONValue {
        guard let data = FileManager.default.contents(atPath: path) else { throw Unreadable(path: path) }
        return try JSONValue(parsing: Array(data))
    }

    struct Unreadable: Error { let path: String }

    /// What the suite expects at `http://localhost:1234/`.
    static func remotes(below folder: String) throws -> SchemaLibrary {
        var library = SchemaLibrary()
        for path in try files(below: folder) {
            library.add(try read(path), at: "http://localhost:1234" + path.dropFirst(folder.count))
        }
        return library
    }

    static func run(
        _ files: [String], _ draft: SchemaDraft, _ library: SchemaLibrary, _ root: String
    ) throws -> Tally {
        var tally = Tally()
        for path in files {
            var options = SchemaOptions()
            options.draft = draft
            options.assertsFormats = path.contains("/optional/format/")
            options.assertsContent = path.contains("/optional/content")
            for group in try read(path).array ?? [] {
                judge(group, options, library, String(path.dropFirst(root.count + 1)), &tally)
            }
        }
        return tally
    }

    /// Runs the cases of one schema.
    static func judge(
        _ group: JSONValue, _ options: SchemaOptions, _ library: SchemaLibrary, _ file: String,
        _ tally: inout Tally
    ) {
        let title = "\(file): \(group["description"]?.string ?? "")"
        let cases = group["tests"]?.array ?? []
        let validator: SchemaValidator
        do throws(SchemaError) {
            validator = try Schema.compile(group["schema"] ?? .null, options: options, library: library)
        } catch {
            tally.failures += cases.map { "\(title): \($0["description"]?.string ?? ""): refused: \(error)" }
            return
        }
        for one in cases {
            let document = (one["data"] ?? .null).serialized()
            let expected = one["valid"]?.bool
            let name = "\(title): \(one["description"]?.string ?? "")"
            do throws(ValidationError) {
                let accepted = try validator.accepts(document)
                let violations = try validator.violations(document)
                if accepted != expected {
                    tally.failures.append("\(name): is \(accepted ? "accepted" : "not accepted")")
                } else if violations.isEmpty != accepted || violations.first?.rule == "schema" {
                    tally.failures.append("\(name): wrongly explained: \(violations)")
                } else {
                    tally.passes.append(name)
                }
            } catch {
                tally.failures.append("\(name): \(error)")
            }
        }
    }
}
