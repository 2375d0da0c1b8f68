/// UTF-8 bytes of a value that a message repeats at most.
package let maxQuotedBytes = 64

/// A value from outside in quotation marks, fit for an error message.
package func quoted(_ value: String) -> String { "'\(excerpt(value))'" }

/// The beginning of a value from outside, fit for an error message: escaped as by
/// ``Swift/String/escaped`` and cut after ``maxQuotedBytes``.
package func excerpt(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
        guard text.utf8.count < maxQuotedBytes else { return text + "..." }
        text.append(escaped: scalar)
    }
    return text
}

/// A name from outside in quotation marks, as by ``quoted(_:)``.
package func quoted(_ name: ExactString) -> String { quoted(name.text) }

extension String {
    /// The text on one line: characters that end a line, move a cursor, change the direction of
    /// the text or cannot be seen are replaced by escape sequences.
    package var escaped: String {
        guard unicodeScalars.contains(where: \.isEscaped) else { return self }
        var text = ""
        for scalar in unicodeScalars { text.append(escaped: scalar) }
        return text
    }

    fileprivate mutating func append(escaped scalar: Unicode.Scalar) {
        guard scalar.isEscaped else { return unicodeScalars.append(scalar) }
        switch scalar {
        case "\n": append("\\n")
        case "\r": append("\\r")
        case "\t": append("\\t")
        default: append("\\u{\(String(scalar.value, radix: 16))}")
        }
    }
}

extension Unicode.Scalar {
    /// Joiners are format characters that letters and emoji need.
    private static let joiners: ClosedRange<UInt32> = 0x200C...0x200D

    fileprivate var isEscaped: Bool {
        if (0x20...0x7E).contains(value) { return false }
        return switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate: true
        case .format: !Self.joiners.contains(value)
        default: false
        }
    }
}
