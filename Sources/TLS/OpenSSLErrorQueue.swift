internal import COpenSSL

/// OpenSSL's error queue of the current thread.
///
/// One loop thread serves many connections, so the queue is emptied before each call that may
/// fail and again right after it did: an old entry would be taken for the new call's.
enum OpenSSLErrorQueue {
    /// One entry of the queue.
    struct Entry {
        /// OpenSSL's own words, or the number where it has none.
        let reason: String
        /// The alert number (RFC 8446, section 6) when the entry says that the peer sent one.
        let alert: Int32?
        /// The reason number, which is unique within libssl.
        let code: Int32
        let isFromSSL: Bool
    }

    /// Forgets what earlier calls left.
    static func clear() {
        // A look costs much less than clearing what is empty, as it nearly always is.
        if ERR_peek_error() != 0 { ERR_clear_error() }
    }

    /// Takes all entries, and returns the oldest: the cause, where later ones are its echoes.
    static func drain() -> Entry? {
        var oldest: Entry?
        while true {
            let packed = ERR_get_error()
            guard packed != 0 else { return oldest }
            if oldest == nil { oldest = entry(packed) }
        }
    }

    /// Takes all entries and returns the oldest one's words.
    static func drainReason() -> String {
        drain()?.reason ?? "no reason given"
    }

    private static func entry(_ packed: UInt) -> Entry {
        let code = ERR_GET_REASON(packed)
        let isFromSSL = ERR_GET_LIB(packed) == ERR_LIB_SSL
        let reason: String
        if let text = unsafe ERR_reason_error_string(packed) {
            reason = unsafe String(cString: text)
        } else {
            reason = "OpenSSL error \(packed)"
        }
        let isAlert = isFromSSL && code > SSL_AD_REASON_OFFSET
        return Entry(
            reason: reason,
            alert: isAlert ? code - SSL_AD_REASON_OFFSET : nil,
            code: code,
            isFromSSL: isFromSSL
        )
    }
}
