/// The version of the server and its command line.
package enum StrongroomVersion {
    package static let current = "0.1.0"
}
