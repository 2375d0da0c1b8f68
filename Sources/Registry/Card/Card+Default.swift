package import Text

extension Card {
    /// The YAML of ``default(entry:)``: what the server writes for a bundle without a card.
    package static func defaultText(entry: ExactString) -> String {
        "format: 1\nengine: onnxruntime\nentry: \(quoted(entry.text))\n"
    }

    /// A YAML scalar in double quotes. Paths of a bundle have no control characters, so quotes
    /// and backslashes are all there is to escape.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}
