/// How long calls may take, told to the server as their deadline.
package enum Timeouts {
    /// An ordinary call.
    package static let call = Duration.seconds(60)
    /// A call that waits for a version to be loaded and validated.
    package static let load = Duration.seconds(600)
}
