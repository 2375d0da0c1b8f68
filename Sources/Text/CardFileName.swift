/// The name of the card in a bundle, and names that are mistaken for it.
package enum CardFileName {
    /// The card's path in a bundle.
    package static let path: ExactString = "model.yaml"

    /// Names that mean the card, in lower case.
    private static let meant: Set<String> = [path.text, "model.yml"]
    /// The suffix that editors and downloads append.
    private static let suffix = ".txt"

    /// The first path at the top of a bundle that is meant as its card, where the bundle has no
    /// file with the card's name: `model.yml`, or another case, or with `.txt` behind it.
    package static func mistaken(among paths: some Sequence<ExactString>) -> ExactString? {
        var mistaken: ExactString?
        for file in paths {
            if file == path { return nil }
            if mistaken == nil, isMeant(file.text) { mistaken = file }
        }
        return mistaken
    }

    /// The refusal of a bundle with such a path.
    package static func refusal(of mistaken: ExactString) -> String {
        "file \(quoted(mistaken)): the card of a bundle has the name '\(path)'; rename the file"
    }

    private static func isMeant(_ file: String) -> Bool {
        var name = String(decoding: file.utf8.map(lowercased), as: UTF8.self)
        if name.hasSuffix(suffix) { name.removeLast(suffix.utf8.count) }
        return meant.contains(name)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
