internal import Glibc

/// From when to when a certificate is valid, in seconds since 1970, both included.
package struct CertificateValidity: Sendable, Equatable {
    package let notBeforeUnix: Int64
    package let notAfterUnix: Int64

    package init(notBeforeUnix: Int64, notAfterUnix: Int64) {
        self.notBeforeUnix = notBeforeUnix
        self.notAfterUnix = notAfterUnix
    }

    /// From five minutes ago, for peers whose clocks are behind, to `count` days from now.
    package static func days(_ count: Int) -> CertificateValidity {
        let now = Int64(time(nil))
        return CertificateValidity(
            notBeforeUnix: now - clockSkewSeconds,
            notAfterUnix: now + Int64(count) * secondsPerDay
        )
    }

    /// The private authority's: ten years.
    package static var authority: CertificateValidity { .days(3650) }

    /// Certificates of servers and clients: the longest that common verifiers accept.
    package static var leaf: CertificateValidity { .days(825) }

    private static let clockSkewSeconds: Int64 = 300
    private static let secondsPerDay: Int64 = 86_400
}
