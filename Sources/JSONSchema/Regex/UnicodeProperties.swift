// SPDX-License-Identifier: Apache-2.0

// `\p{…}`: general categories and binary properties, as far as the standard library knows them. Scripts it does not know.

import Synchronization

package enum UnicodeProperties {
    /// The scalars with a property, by its name in ECMA-262; nil if there is none of that name.
    static func scalars(named name: String) -> ScalarSet? {
        var category = name
        for prefix in ["General_Category=", "gc="] where name.hasPrefix(prefix) {
            category = String(name.dropFirst(prefix.count))
        }
        if let codes = categories[category] {
            // All categories are looked for at once, since schemas that name one often name more.
            let table = cache.withLock { $0.categories } ?? Self.keep(categoryTable())
            return ScalarSet(codes.sorted().flatMap { table[$0] ?? [] })
        }
        guard category == name else { return nil }
        switch name {
        case "Any": return ScalarSet([0...ScalarSet.greatest])
        case "ASCII": return ScalarSet([0...0x7F])
        case "Assigned": return scalars(named: "Cn")?.inverted
        default:
            guard let property = binaries[name] else { return nil }
            return cached(name) { property($0.properties) }
        }
    }

    /// Whether there is a property of this name; told without looking for any scalars.
    static func isKnown(_ name: String) -> Bool {
        for prefix in ["General_Category=", "gc="] where name.hasPrefix(prefix) {
            return categories[String(name.dropFirst(prefix.count))] != nil
        }
        return categories[name] != nil || binaries[name] != nil
            || ["Any", "ASCII", "Assigned"].contains(name)
    }

    /// The names of properties in a pattern, and perhaps some that are none; told without looking for any scalars.
    static func names(in pattern: String) -> Set<String> {
        guard pattern.utf8.contains(UInt8(ascii: "{")) else { return [] }
        var names: Set<String> = []
        var rest = pattern[...]
        while let mark = rest.firstIndex(of: "\\") {
            rest = rest[rest.index(after: mark)...]
            guard let kind = rest.first, kind == "p" || kind == "P" else { continue }
            rest = rest.dropFirst()
            guard rest.first == "{", let end = rest.firstIndex(of: "}") else { continue }
            let name = String(rest[rest.index(after: rest.startIndex)..<end])
            // One table has all categories.
            let isCategory = categories[String(name.split(separator: "=").last ?? "")] != nil
            names.insert(isCategory ? "General_Category" : name)
        }
        return names
    }

    private struct Known {
        var categories: [String: [ClosedRange<UInt32>]]?
        var properties: [String: ScalarSet] = [:]
    }

    private static let cache = Mutex(Known())

    private static func keep(
        _ table: [String: [ClosedRange<UInt32>]]
    ) -> [String: [ClosedRange<UInt32>]] {
        cache.withLock { $0.categories = table }
        return table
    }

    /// Looked for once in a process, since there are many scalars.
    private static func cached(_ name: String, _ holds: (Unicode.Scalar) -> Bool) -> ScalarSet {
        if let found = cache.withLock({ $0.properties[name] }) { return found }
        var looked = 0
        let set = collect(looked: &looked, holds)
        cache.withLock { $0.properties[name] = set }
        return set
    }

    private static func categoryTable() -> [String: [ClosedRange<UInt32>]] {
        var looked = 0
        let runs = UnicodeRuns.runs(looked: &looked) { scalar in
            Unicode.Scalar(scalar).map { code(of: $0.properties.generalCategory) } ?? "Cs"
        }
        return runs.reduce(into: [:]) { $0[$1.value, default: []].append($1.range) }
    }

    private static func collect(looked: inout Int, _ holds: (Unicode.Scalar) -> Bool) -> ScalarSet {
        let runs = UnicodeRuns.runs(looked: &looked) { Unicode.Scalar($0).map(holds) ?? false }
        return ScalarSet(runs.filter(\.value).map(\.range))
    }

    /// The scalars with a property and how many were looked at for it, by the fast way or by looking at every one; told to tests.
    package static func probe(
        _ name: String, everyScalar: Bool
    ) -> (ranges: [ClosedRange<UInt32>], looked: Int)? {
        guard let property = binaries[name] else { return nil }
        var looked = 0
        let ranges =
            everyScalar
            ? UnicodeRuns.allRuns { Unicode.Scalar($0).map { property($0.properties) } ?? false }
                .filter(\.value).map(\.range) : collect(looked: &looked) { property($0.properties) }.ranges
        return (ranges, looked)
    }

    /// The same for all categories.
    package static func probeCategories(everyScalar: Bool) -> (runs: [String], looked: Int) {
        var looked = 0
        let category = { (scalar: UInt32) in
            Unicode.Scalar(scalar).map { code(of: $0.properties.generalCategory) } ?? "Cs"
        }
        let runs = everyScalar ? UnicodeRuns.allRuns(category) : UnicodeRuns.runs(looked: &looked, category)
        return (runs.map { "\($0.range) \($0.value)" }, looked)
    }

    /// The names of all binary properties; told to tests.
    package static var binaryNames: [String] { binaries.keys.sorted() }

    private static func code(of category: Unicode.GeneralCategory) -> String {
        switch category {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }

    /// Short and long names to the categories they stand for.
    private static let categories: [String: Set<String>] = {
        let names: [(String, String, [String])] = [
            ("L", "Letter", ["Lu", "Ll", "Lt", "Lm", "Lo"]), ("LC", "Cased_Letter", ["Lu", "Ll", "Lt"]),
            ("Lu", "Uppercase_Letter", ["Lu"]), ("Ll", "Lowercase_Letter", ["Ll"]),
            ("Lt", "Titlecase_Letter", ["Lt"]),
            ("Lm", "Modifier_Letter", ["Lm"]), ("Lo", "Other_Letter", ["Lo"]),
            ("M", "Mark", ["Mn", "Mc", "Me"]),
            ("Mn", "Nonspacing_Mark", ["Mn"]), ("Mc", "Spacing_Mark", ["Mc"]),
            ("Me", "Enclosing_Mark", ["Me"]),
            ("N", "Number", ["Nd", "Nl", "No"]), ("Nd", "Decimal_Number", ["Nd"]),
            ("Nl", "Letter_Number", ["Nl"]),
            ("No", "Other_Number", ["No"]), ("P", "Punctuation", ["Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"]),
            ("Pc", "Connector_Punctuation", ["Pc"]), ("Pd", "Dash_Punctuation", ["Pd"]),
            ("Ps", "Open_Punctuation", ["Ps"]), ("Pe", "Close_Punctuation", ["Pe"]),
            ("Pi", "Initial_Punctuation", ["Pi"]), ("Pf", "Final_Punctuation", ["Pf"]),
            ("Po", "Other_Punctuation", ["Po"]), ("S", "Symbol", ["Sm", "Sc", "Sk", "So"]),
            ("Sm", "Math_Symbol", ["Sm"]), ("Sc", "Currency_Symbol", ["Sc"]),
            ("Sk", "Modifier_Symbol", ["Sk"]),
            ("So", "Other_Symbol", ["So"]), ("Z", "Separator", ["Zs", "Zl", "Zp"]),
            ("Zs", "Space_Separator", ["Zs"]),
            ("Zl", "Line_Separator", ["Zl"]), ("Zp", "Paragraph_Separator", ["Zp"]),
            ("C", "Other", ["Cc", "Cf", "Cs", "Co", "Cn"]), ("Cc", "Control", ["Cc"]),
            ("Cf", "Format", ["Cf"]),
            ("Cs", "Surrogate", ["Cs"]), ("Co", "Private_Use", ["Co"]), ("Cn", "Unassigned", ["Cn"]),
        ]
        var result: [String: Set<String>] = [
            "digit": ["Nd"], "punct": names[15].2.reduce(into: []) { $0.insert($1) },
        ]
        for (short, long, codes) in names {
            result[short] = Set(codes)
            result[long] = Set(codes)
        }
        result["cntrl"] = ["Cc"]
        result["Combining_Mark"] = result["M"]
        return result
    }()

    private typealias Property = @Sendable (Unicode.Scalar.Properties) -> Bool

    private static let binaries: [String: Property] = {
        let names: [([String], Property)] = [
            (["ASCII_Hex_Digit", "AHex"], { $0.isASCIIHexDigit }),
            (["Alphabetic", "Alpha"], { $0.isAlphabetic }),
            (["Bidi_Control", "Bidi_C"], { $0.isBidiControl }),
            (["Bidi_Mirrored", "Bidi_M"], { $0.isBidiMirrored }),
            (["Case_Ignorable", "CI"], { $0.isCaseIgnorable }), (["Cased"], { $0.isCased }),
            (["Changes_When_Lowercased", "CWL"], { $0.changesWhenLowercased }),
            (["Changes_When_Uppercased", "CWU"], { $0.changesWhenUppercased }),
            (["Changes_When_Titlecased", "CWT"], { $0.changesWhenTitlecased }),
            (["Changes_When_Casefolded", "CWCF"], { $0.changesWhenCaseFolded }),
            (["Changes_When_Casemapped", "CWCM"], { $0.changesWhenCaseMapped }),
            (["Changes_When_NFKC_Casefolded", "CWKCF"], { $0.changesWhenNFKCCaseFolded }),
            (["Dash"], { $0.isDash }),
            (["Default_Ignorable_Code_Point", "DI"], { $0.isDefaultIgnorableCodePoint }),
            (["Deprecated", "Dep"], { $0.isDeprecated }), (["Diacritic", "Dia"], { $0.isDiacritic }),
            (["Emoji"], { $0.isEmoji }), (["Emoji_Modifier", "EMod"], { $0.isEmojiModifier }),
            (["Emoji_Modifier_Base", "EBase"], { $0.isEmojiModifierBase }),
            (["Emoji_Presentation", "EPres"], { $0.isEmojiPresentation }),
            (["Extender", "Ext"], { $0.isExtender }),
            (["Grapheme_Base", "Gr_Base"], { $0.isGraphemeBase }),
            (["Grapheme_Extend", "Gr_Ext"], { $0.isGraphemeExtend }),
            (["Hex_Digit", "Hex"], { $0.isHexDigit }),
            (["IDS_Binary_Operator", "IDSB"], { $0.isIDSBinaryOperator }),
            (["IDS_Trinary_Operator", "IDST"], { $0.isIDSTrinaryOperator }),
            (["ID_Continue", "IDC"], { $0.isIDContinue }), (["ID_Start", "IDS"], { $0.isIDStart }),
            (["Ideographic", "Ideo"], { $0.isIdeographic }),
            (["Join_Control", "Join_C"], { $0.isJoinControl }),
            (["Logical_Order_Exception", "LOE"], { $0.isLogicalOrderException }),
            (["Lowercase", "Lower"], { $0.isLowercase }), (["Math"], { $0.isMath }),
            (["Noncharacter_Code_Point", "NChar"], { $0.isNoncharacterCodePoint }),
            (["Pattern_Syntax", "Pat_Syn"], { $0.isPatternSyntax }),
            (["Pattern_White_Space", "Pat_WS"], { $0.isPatternWhitespace }),
            (["Quotation_Mark", "QMark"], { $0.isQuotationMark }), (["Radical"], { $0.isRadical }),
            (["Sentence_Terminal", "STerm"], { $0.isSentenceTerminal }),
            (["Soft_Dotted", "SD"], { $0.isSoftDotted }),
            (["Terminal_Punctuation", "Term"], { $0.isTerminalPunctuation }),
            (["Unified_Ideograph", "UIdeo"], { $0.isUnifiedIdeograph }),
            (["Uppercase", "Upper"], { $0.isUppercase }),
            (["Variation_Selector", "VS"], { $0.isVariationSelector }),
            (["White_Space", "space"], { $0.isWhitespace }),
            (["XID_Continue", "XIDC"], { $0.isXIDContinue }),
            (["XID_Start", "XIDS"], { $0.isXIDStart }),
        ]
        var result: [String: Property] = [:]
        for (aliases, property) in names {
            for alias in aliases { result[alias] = property }
        }
        return result
    }()
}
