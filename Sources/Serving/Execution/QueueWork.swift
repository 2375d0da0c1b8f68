/// An amount of work in a queue.
struct QueueWork: Equatable {
    var requests = 0
    var rows = 0

    static func += (left: inout QueueWork, right: QueueWork) {
        left.requests += right.requests
        left.rows += right.rows
    }

    static func -= (left: inout QueueWork, right: QueueWork) {
        left.requests -= right.requests
        left.rows -= right.rows
    }

    static func + (left: QueueWork, right: QueueWork) -> QueueWork {
        QueueWork(requests: left.requests + right.requests, rows: left.rows + right.rows)
    }

    static func - (left: QueueWork, right: QueueWork) -> QueueWork {
        QueueWork(requests: left.requests - right.requests, rows: left.rows - right.rows)
    }
}

extension QueueWork {
    /// The work of one request.
    init(_ job: Job) { self.init(requests: 1, rows: job.rows) }

    /// The work of a batch, but for requests whose deadlines have passed: they are not run, and
    /// would make the queue seem faster than it is.
    init(_ batch: [Job], atNs nowNs: UInt64) {
        self.init()
        for job in batch where job.request.deadlineNs ?? .max > nowNs {
            self += QueueWork(job)
        }
    }
}
