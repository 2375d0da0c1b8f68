package import Text

/// A JSON document (RFC 8259) whose numbers keep their text, so that each reader rounds once, to
/// the type that it wants. Object members keep their order; a repeated name is an error.
package indirect enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One name and value of an object.
    package struct Member: Sendable, Equatable {
        package let name: ExactString
        package let value: JSONValue

        package init(name: ExactString, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Arrays and objects inside each other: more is refused.
    package static let maxDepth = 64

    /// The member `name` of an object; nil for another kind of value or no such member.
    package subscript(name: ExactString) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// What kind of value this is, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSONValue: Equatable {
    /// Texts are equal by their bytes.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): ExactString(left) == ExactString(right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }
}

/// Why a text is not JSON, with the place.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let column: Int
    package let message: String

    package var description: String { "line \(line), column \(column): \(message)" }
}
