internal import COpenSSL

/// The protocols that one side speaks, in ALPN's wire form (RFC 7301, section 3.1), in order of
/// preference.
///
/// A class, because the server's selection callback gets a pointer to it; it lives as long as
/// its ``TLSContext``, which every connection keeps alive.
final class ApplicationProtocols: Sendable {
    /// Each name with its length in one byte before it; empty when ALPN is not used.
    let wireForm: [UInt8]

    /// - Throws: `handshakeFailed` for a name that is empty or longer than 255 bytes.
    init(_ names: [String]) throws(TLSError) {
        var bytes: [UInt8] = []
        for name in names {
            guard let count = UInt8(exactly: name.utf8.count), count > 0 else {
                throw TLSError(
                    .handshakeFailed,
                    "ALPN name of \(name.utf8.count) bytes; expected 1 to 255"
                )
            }
            bytes.append(count)
            bytes.append(contentsOf: name.utf8)
        }
        wireForm = bytes
    }
}

/// OpenSSL's ALPN callback on the server: the first of our names that the client offers too, and
/// a fatal `no_application_protocol` alert when there is none. Not called for a client without
/// the extension.
func selectApplicationProtocol(
    _: OpaquePointer?,
    _ out: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ outCount: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?,
    _ offeredCount: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let argument = unsafe argument, let out = unsafe out, let outCount = unsafe outCount,
        let offered = unsafe offered, offeredCount > 0
    else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let ours = unsafe Unmanaged<ApplicationProtocols>.fromOpaque(argument).takeUnretainedValue()
    let client = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
    guard let choice = firstCommon(ours: ours.wireForm, offered: unsafe Array(client)) else {
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }
    // The answer points into the client's own list, which outlives the callback.
    unsafe out.pointee = offered + choice.lowerBound
    unsafe outCount.pointee = UInt8(choice.count)
    return SSL_TLSEXT_ERR_OK
}

/// Where in `offered` the name lies that comes first in `ours` and is in both; nil if none is or
/// `offered` is malformed.
func firstCommon(ours: [UInt8], offered: [UInt8]) -> Range<Int>? {
    guard let ourNames = nameRanges(ours), let theirNames = nameRanges(offered) else { return nil }
    for name in ourNames {
        if let match = theirNames.first(where: { offered[$0] == ours[name] }) { return match }
    }
    return nil
}

private func nameRanges(_ wireForm: [UInt8]) -> [Range<Int>]? {
    var ranges: [Range<Int>] = []
    var position = 0
    while position < wireForm.count {
        let start = position + 1
        let end = start + Int(wireForm[position])
        guard end > start, end <= wireForm.count else { return nil }
        ranges.append(start..<end)
        position = end
    }
    return ranges
}
