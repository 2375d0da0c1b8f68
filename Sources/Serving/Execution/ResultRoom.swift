/// A caller's room for a result, which is reserved before the request is run.
package protocol ResultRoom: AnyObject, Sendable {
    /// Reserves room for a result, from any thread; several times for one request.
    ///
    /// - Parameter bytes: Of the whole result, what was reserved before included.
    /// - Returns: Whether there is room.
    func reserve(resultBytes bytes: Int) -> Bool

    /// Has `again` called when there is room, unless the caller is answered before; from any
    /// thread.
    ///
    /// - Parameters:
    ///   - bytes: Of the whole result.
    ///   - held: Bytes that the request keeps meanwhile.
    func wait(
        forResultBytes bytes: Int,
        holding held: Int,
        _ again: @escaping @Sendable () -> Void
    )
}
