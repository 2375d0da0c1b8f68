/// Which of a version's waiting requests go first: the higher.
///
/// A caller may hold back others of the same model by it, never those of another: versions take
/// turns whatever their requests' priorities are.
package enum RequestPriority {
    /// What a request may say; 0 is ordinary.
    package static let range = -10...10
}
