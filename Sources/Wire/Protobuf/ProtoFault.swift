/// What is wrong with an encoded message, without the place: the callers add message and field.
enum ProtoFault: Error, Equatable {
    case truncated
    case malformedVarint
    case malformedTag
    case group
    case unknownWireType(UInt8)
    case unexpectedWireType(got: ProtoWireType, expected: ProtoWireType)
    case invalidUTF8
    case containsNUL
    case repeatedOnce
    case tooDeep(limit: Int)
    case tooManyFields(limit: Int)
    case tooManyElements(limit: Int)
    case tooManyUnknownFields(limit: Int)
    case tooManyBytes(limit: Int)
    case lengthNotMultiple(of: Int)
}

extension ProtoFault: CustomStringConvertible {
    /// A clause that reads on after "Message.field: ".
    var description: String {
        switch self {
        case .truncated: "ends before its data does"
        case .malformedVarint: "holds a variable-length integer of more than 64 bits"
        case .malformedTag: "holds a field tag outside 1 to 536870911"
        case .group: "holds a group, which this protocol does not use"
        case .unknownWireType(let raw): "holds the unknown wire type \(raw)"
        case .unexpectedWireType(let got, let expected):
            "has the wire type \(got.rawValue), expected \(expected.rawValue)"
        case .invalidUTF8: "is not valid UTF-8"
        case .containsNUL: "contains a NUL character"
        case .repeatedOnce: "occurs more than once, expected at most one"
        case .tooDeep(let limit): "nests deeper than \(limit) messages"
        case .tooManyFields(let limit): "brings the message over \(limit) fields"
        case .tooManyElements(let limit): "has more than \(limit) elements"
        case .tooManyUnknownFields(let limit): "brings the message over \(limit) unknown fields"
        case .tooManyBytes(let limit): "is longer than \(limit) bytes"
        case .lengthNotMultiple(let size): "has a packed length that is no multiple of \(size)"
        }
    }
}

/// The wire types in use. 3 and 4, the group tags, are refused wherever they occur.
enum ProtoWireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
}
