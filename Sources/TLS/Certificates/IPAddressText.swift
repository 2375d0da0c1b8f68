internal import Glibc

/// IP addresses between their text and their network-order bytes.
enum IPAddressText {
    /// 4 or 16 bytes, or nil for text that is no IP address.
    static func bytes(of text: String) -> [UInt8]? {
        parse(text, family: AF_INET, count: 4) ?? parse(text, family: AF_INET6, count: 16)
    }

    /// The usual text of 4 or 16 bytes; hexadecimal for any other count.
    static func text(of bytes: [UInt8]) -> String {
        let family: Int32
        switch bytes.count {
        case 4: family = AF_INET
        case 16: family = AF_INET6
        default: return bytes.map { String($0, radix: 16) }.joined(separator: ":")
        }
        // INET6_ADDRSTRLEN, which covers IPv4 too.
        var text = [CChar](repeating: 0, count: 46)
        let capacity = socklen_t(text.count)
        guard unsafe inet_ntop(family, bytes, &text, capacity) != nil else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func parse(_ text: String, family: Int32, count: Int) -> [UInt8]? {
        // inet_pton reads up to a NUL, and a Swift string may hold one.
        guard !text.utf8.contains(0) else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
