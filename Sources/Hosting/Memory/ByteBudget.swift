/// A budget of memory that several hosts share.
package protocol ByteBudget: Sendable {
    /// Bytes of the whole budget.
    var limitBytes: Int { get }
    /// Takes bytes from the budget; false if it has not so many left.
    func take(_ bytes: Int) -> Bool
    /// Returns bytes that ``take(_:)`` gave.
    func giveBack(_ bytes: Int)
}
