/// The class of a waiting request: those of a higher priority run first.
///
/// A priority above 0 holds back the requests of other principals to the same version, never those
/// to another: versions take turns whatever the priorities of their requests are.
package enum RequestPriority {
    /// What a request may say; 0 is ordinary.
    package static let range = -10...10

    /// The place of a priority among all, the highest first.
    static func index(_ priority: Int) -> Int {
        range.upperBound - min(max(priority, range.lowerBound), range.upperBound)
    }
}
