extension String {
    /// Text from elsewhere on one line of a terminal: what could move the cursor, turn the order
    /// of what follows or end the line is shown as an escape.
    var printable: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator:
                text += Self.escape(scalar)
            case .format where scalar.properties.isBidiControl:
                text += Self.escape(scalar)
            default:
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        default: "\\u{\(String(scalar.value, radix: 16))}"
        }
    }
}
