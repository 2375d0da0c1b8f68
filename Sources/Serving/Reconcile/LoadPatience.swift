/// The waits around loads that take long.
struct LoadPatience: Sendable {
    /// How long a load holds up the next one of its place.
    var overtaking = Duration.seconds(2)
    /// How long a load in the server may go on after its runs were stopped, before it is abandoned.
    var grace = Duration.seconds(2)
}
