internal import Synchronization

/// Whether the storage under the registry has failed in a way that trying again would hide.
///
/// After a failed sync the kernel has dropped what it had accepted and marked it clean: the next
/// sync would succeed over lost bytes. So the first such failure is the last thing that this
/// process writes.
final class StorageFault: Sendable {
    private let first = Mutex<String?>(nil)

    /// Why nothing is written any more; `nil` while all is well.
    var reason: String? { first.withLock { $0 } }

    /// Notes a failure; the first one counts.
    func set(_ reason: String) {
        first.withLock { $0 = $0 ?? reason }
    }

    /// Throws after a failure.
    func check() throws(RegistryError) {
        if let reason {
            throw RegistryError(
                .internalFailure,
                "the registry takes no changes since its storage failed",
                detail: reason
            )
        }
    }
}
