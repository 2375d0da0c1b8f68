/// A name from outside, made fit for a message: in quotes, cut, and without control characters.
func quoted(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars {
        guard text.utf8.count < EngineLimits.maxQuotedBytes else {
            return "'\(text)...'"
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
            text += "\\u{\(String(scalar.value, radix: 16))}"
        default:
            text.unicodeScalars.append(scalar)
        }
    }
    return "'\(text)'"
}
