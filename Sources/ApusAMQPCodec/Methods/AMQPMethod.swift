// SPDX-License-Identifier: Apache-2.0

// All methods as one value: what a method frame has.

package import NIOCore

/// A method of AMQP 0-9-1, or of RabbitMQ's extensions.
package enum AMQPMethod: Hashable, Sendable {
    case connectionStart(Connection.Start)
    case connectionStartOk(Connection.StartOk)
    case connectionSecure(Connection.Secure)
    case connectionSecureOk(Connection.SecureOk)
    case connectionTune(Connection.Tune)
    case connectionTuneOk(Connection.TuneOk)
    case connectionOpen(Connection.Open)
    case connectionOpenOk(Connection.OpenOk)
    case connectionClose(Connection.Close)
    case connectionCloseOk(Connection.CloseOk)
    case connectionBlocked(Connection.Blocked)
    case connectionUnblocked(Connection.Unblocked)
    case connectionUpdateSecret(Connection.UpdateSecret)
    case connectionUpdateSecretOk(Connection.UpdateSecretOk)
    case channelOpen(Channel.Open)
    case channelOpenOk(Channel.OpenOk)
    case channelFlow(Channel.Flow)
    case channelFlowOk(Channel.FlowOk)
    case channelClose(Channel.Close)
    case channelCloseOk(Channel.CloseOk)
    case exchangeDeclare(Exchange.Declare)
    case exchangeDeclareOk(Exchange.DeclareOk)
    case exchangeDelete(Exchange.Delete)
    case exchangeDeleteOk(Exchange.DeleteOk)
    case exchangeBind(Exchange.Bind)
    case exchangeBindOk(Exchange.BindOk)
    case exchangeUnbind(Exchange.Unbind)
    case exchangeUnbindOk(Exchange.UnbindOk)
    case queueDeclare(Queue.Declare)
    case queueDeclareOk(Queue.DeclareOk)
    case queueBind(Queue.Bind)
    case queueBindOk(Queue.BindOk)
    case queuePurge(Queue.Purge)
    case queuePurgeOk(Queue.PurgeOk)
    case queueDelete(Queue.Delete)
    case queueDeleteOk(Queue.DeleteOk)
    case queueUnbind(Queue.Unbind)
    case queueUnbindOk(Queue.UnbindOk)
    case basicQos(Basic.Qos)
    case basicQosOk(Basic.QosOk)
    case basicConsume(Basic.Consume)
    case basicConsumeOk(Basic.ConsumeOk)
    case basicCancel(Basic.Cancel)
    case basicCancelOk(Basic.CancelOk)
    case basicPublish(Basic.Publish)
    case basicReturn(Basic.Return)
    case basicDeliver(Basic.Deliver)
    case basicGet(Basic.Get)
    case basicGetOk(Basic.GetOk)
    case basicGetEmpty(Basic.GetEmpty)
    case basicAck(Basic.Ack)
    case basicReject(Basic.Reject)
    case basicRecoverAsync(Basic.RecoverAsync)
    case basicRecover(Basic.Recover)
    case basicRecoverOk(Basic.RecoverOk)
    case basicNack(Basic.Nack)
    case confirmSelect(Confirm.Select)
    case confirmSelectOk(Confirm.SelectOk)
    case txSelect(Tx.Select)
    case txSelectOk(Tx.SelectOk)
    case txCommit(Tx.Commit)
    case txCommitOk(Tx.CommitOk)
    case txRollback(Tx.Rollback)
    case txRollbackOk(Tx.RollbackOk)
}

extension AMQPMethod {
    /// Reads the payload of a method frame.
    ///
    /// - Throws: `AMQPCodecError` when it is none.
    package init(reading payload: ByteBuffer) throws(AMQPCodecError) {
        self = try AMQPDecoder.read(payload) { decoder throws(AMQPCodecError) in
            var id = AMQPMethodID(0, 0)
            try decoder.field("class-id", &id.classID)
            try decoder.field("method-id", &id.methodID)
            guard var method = AMQPMethod(id) else {
                throw AMQPCodecError(.unknownMethod(id), in: "method-id")
            }
            try method.code(with: &decoder)
            return method
        }
    }

    /// The method with each field empty; nil if there is none of this number.
    package init?(_ id: AMQPMethodID) {
        switch id {
        case Connection.Start.id: self = .connectionStart(Connection.Start())
        case Connection.StartOk.id: self = .connectionStartOk(Connection.StartOk())
        case Connection.Secure.id: self = .connectionSecure(Connection.Secure())
        case Connection.SecureOk.id: self = .connectionSecureOk(Connection.SecureOk())
        case Connection.Tune.id: self = .connectionTune(Connection.Tune())
        case Connection.TuneOk.id: self = .connectionTuneOk(Connection.TuneOk())
        case Connection.Open.id: self = .connectionOpen(Connection.Open())
        case Connection.OpenOk.id: self = .connectionOpenOk(Connection.OpenOk())
        case Connection.Close.id: self = .connectionClose(Connection.Close())
        case Connection.CloseOk.id: self = .connectionCloseOk(Connection.CloseOk())
        case Connection.Blocked.id: self = .connectionBlocked(Connection.Blocked())
        case Connection.Unblocked.id: self = .connectionUnblocked(Connection.Unblocked())
        case Connection.UpdateSecret.id: self = .connectionUpdateSecret(Connection.UpdateSecret())
        case Connection.UpdateSecretOk.id: self = .connectionUpdateSecretOk(Connection.UpdateSecretOk())
        case Channel.Open.id: self = .channelOpen(Channel.Open())
        case Channel.OpenOk.id: self = .channelOpenOk(Channel.OpenOk())
        case Channel.Flow.id: self = .channelFlow(Channel.Flow())
        case Channel.FlowOk.id: self = .channelFlowOk(Channel.FlowOk())
        case Channel.Close.id: self = .channelClose(Channel.Close())
        case Channel.CloseOk.id: self = .channelCloseOk(Channel.CloseOk())
        case Exchange.Declare.id: self = .exchangeDeclare(Exchange.Declare())
        case Exchange.DeclareOk.id: self = .exchangeDeclareOk(Exchange.DeclareOk())
        case Exchange.Delete.id: self = .exchangeDelete(Exchange.Delete())
        case Exchange.DeleteOk.id: self = .exchangeDeleteOk(Exchange.DeleteOk())
        case Exchange.Bind.id: self = .exchangeBind(Exchange.Bind())
        case Exchange.BindOk.id: self = .exchangeBindOk(Exchange.BindOk())
        case Exchange.Unbind.id: self = .exchangeUnbind(Exchange.Unbind())
        case Exchange.UnbindOk.id: self = .exchangeUnbindOk(Exchange.UnbindOk())
        case Queue.Declare.id: self = .queueDeclare(Queue.Declare())
        case Queue.DeclareOk.id: self = .queueDeclareOk(Queue.DeclareOk())
        case Queue.Bind.id: self = .queueBind(Queue.Bind())
        case Queue.BindOk.id: self = .queueBindOk(Queue.BindOk())
        case Queue.Purge.id: self = .queuePurge(Queue.Purge())
        case Queue.PurgeOk.id: self = .queuePurgeOk(Queue.PurgeOk())
        case Queue.Delete.id: self = .queueDelete(Queue.Delete())
        case Queue.DeleteOk.id: self = .queueDeleteOk(Queue.DeleteOk())
        case Queue.Unbind.id: self = .queueUnbind(Queue.Unbind())
        case Queue.UnbindOk.id: self = .queueUnbindOk(Queue.UnbindOk())
        case Basic.Qos.id: self = .basicQos(Basic.Qos())
        case Basic.QosOk.id: self = .basicQosOk(Basic.QosOk())
        case Basic.Consume.id: self = .basicConsume(Basic.Consume())
        case Basic.ConsumeOk.id: self = .basicConsumeOk(Basic.ConsumeOk())
        case Basic.Cancel.id: self = .basicCancel(Basic.Cancel())
        case Basic.CancelOk.id: self = .basicCancelOk(Basic.CancelOk())
        case Basic.Publish.id: self = .basicPublish(Basic.Publish())
        case Basic.Return.id: self = .basicReturn(Basic.Return())
        case Basic.Deliver.id: self = .basicDeliver(Basic.Deliver())
        case Basic.Get.id: self = .basicGet(Basic.Get())
        case Basic.GetOk.id: self = .basicGetOk(Basic.GetOk())
        case Basic.GetEmpty.id: self = .basicGetEmpty(Basic.GetEmpty())
        case Basic.Ack.id: self = .basicAck(Basic.Ack())
        case Basic.Reject.id: self = .basicReject(Basic.Reject())
        case Basic.RecoverAsync.id: self = .basicRecoverAsync(Basic.RecoverAsync())
        case Basic.Recover.id: self = .basicRecover(Basic.Recover())
        case Basic.RecoverOk.id: self = .basicRecoverOk(Basic.RecoverOk())
        case Basic.Nack.id: self = .basicNack(Basic.Nack())
        case Confirm.Select.id: self = .confirmSelect(Confirm.Select())
        case Confirm.SelectOk.id: self = .confirmSelectOk(Confirm.SelectOk())
        case Tx.Select.id: self = .txSelect(Tx.Select())
        case Tx.SelectOk.id: self = .txSelectOk(Tx.SelectOk())
        case Tx.Commit.id: self = .txCommit(Tx.Commit())
        case Tx.CommitOk.id: self = .txCommitOk(Tx.CommitOk())
        case Tx.Rollback.id: self = .txRollback(Tx.Rollback())
        case Tx.RollbackOk.id: self = .txRollbackOk(Tx.RollbackOk())
        default: return nil
        }
    }

    /// Which method it is.
    package var id: AMQPMethodID {
        switch self {
        case .connectionStart: Connection.Start.id
        case .connectionStartOk: Connection.StartOk.id
        case .connectionSecure: Connection.Secure.id
        case .connectionSecureOk: Connection.SecureOk.id
        case .connectionTune: Connection.Tune.id
        case .connectionTuneOk: Connection.TuneOk.id
        case .connectionOpen: Connection.Open.id
        case .connectionOpenOk: Connection.OpenOk.id
        case .connectionClose: Connection.Close.id
        case .connectionCloseOk: Connection.CloseOk.id
        case .connectionBlocked: Connection.Blocked.id
        case .connectionUnblocked: Connection.Unblocked.id
        case .connectionUpdateSecret: Connection.UpdateSecret.id
        case .connectionUpdateSecretOk: Connection.UpdateSecretOk.id
        case .channelOpen: Channel.Open.id
        case .channelOpenOk: Channel.OpenOk.id
        case .channelFlow: Channel.Flow.id
        case .channelFlowOk: Channel.FlowOk.id
        case .channelClose: Channel.Close.id
        case .channelCloseOk: Channel.CloseOk.id
        case .exchangeDeclare: Exchange.Declare.id
        case .exchangeDeclareOk: Exchange.DeclareOk.id
        case .exchangeDelete: Exchange.Delete.id
        case .exchangeDeleteOk: Exchange.DeleteOk.id
        case .exchangeBind: Exchange.Bind.id
        case .exchangeBindOk: Exchange.BindOk.id
        case .exchangeUnbind: Exchange.Unbind.id
        case .exchangeUnbindOk: Exchange.UnbindOk.id
        case .queueDeclare: Queue.Declare.id
        case .queueDeclareOk: Queue.DeclareOk.id
        case .queueBind: Queue.Bind.id
        case .queueBindOk: Queue.BindOk.id
        case .queuePurge: Queue.Purge.id
        case .queuePurgeOk: Queue.PurgeOk.id
        case .queueDelete: Queue.Delete.id
        case .queueDeleteOk: Queue.DeleteOk.id
        case .queueUnbind: Queue.Unbind.id
        case .queueUnbindOk: Queue.UnbindOk.id
        case .basicQos: Basic.Qos.id
        case .basicQosOk: Basic.QosOk.id
        case .basicConsume: Basic.Consume.id
        case .basicConsumeOk: Basic.ConsumeOk.id
        case .basicCancel: Basic.Cancel.id
        case .basicCancelOk: Basic.CancelOk.id
        case .basicPublish: Basic.Publish.id
        case .basicReturn: Basic.Return.id
        case .basicDeliver: Basic.Deliver.id
        case .basicGet: Basic.Get.id
        case .basicGetOk: Basic.GetOk.id
        case .basicGetEmpty: Basic.GetEmpty.id
        case .basicAck: Basic.Ack.id
        case .basicReject: Basic.Reject.id
        case .basicRecoverAsync: Basic.RecoverAsync.id
        case .basicRecover: Basic.Recover.id
        case .basicRecoverOk: Basic.RecoverOk.id
        case .basicNack: Basic.Nack.id
        case .confirmSelect: Confirm.Select.id
        case .confirmSelectOk: Confirm.SelectOk.id
        case .txSelect: Tx.Select.id
        case .txSelectOk: Tx.SelectOk.id
        case .txCommit: Tx.Commit.id
        case .txCommitOk: Tx.CommitOk.id
        case .txRollback: Tx.Rollback.id
        case .txRollbackOk: Tx.RollbackOk.id
        }
    }

    /// Whether content follows.
    package var hasContent: Bool {
        switch self {
        case .basicPublish, .basicReturn, .basicDeliver, .basicGetOk: true
        default: false
        }
    }

    /// Shows each field to a coder.
    package mutating func code<Coder: AMQPFieldCoder & ~Copyable>(
        with coder: inout Coder
    ) throws(AMQPCodecError) {
        switch self {
        case .connectionStart(var fields):
            try fields.code(with: &coder)
            self = .connectionStart(fields)
        case .connectionStartOk(var fields):
            try fields.code(with: &coder)
            self = .connectionStartOk(fields)
        case .connectionSecure(var fields):
            try fields.code(with: &coder)
            self = .connectionSecure(fields)
        case .connectionSecureOk(var fields):
            try fields.code(with: &coder)
            self = .connectionSecureOk(fields)
        case .connectionTune(var fields):
            try fields.code(with: &coder)
            self = .connectionTune(fields)
        case .connectionTuneOk(var fields):
            try fields.code(with: &coder)
            self = .connectionTuneOk(fields)
        case .connectionOpen(var fields):
            try fields.code(with: &coder)
            self = .connectionOpen(fields)
        case .connectionOpenOk(var fields):
            try fields.code(with: &coder)
            self = .connectionOpenOk(fields)
        case .connectionClose(var fields):
            try fields.code(with: &coder)
            self = .connectionClose(fields)
        case .connectionCloseOk(var fields):
            try fields.code(with: &coder)
            self = .connectionCloseOk(fields)
        case .connectionBlocked(var fields):
            try fields.code(with: &coder)
            self = .connectionBlocked(fields)
        case .connectionUnblocked(var fields):
            try fields.code(with: &coder)
            self = .connectionUnblocked(fields)
        case .connectionUpdateSecret(var fields):
            try fields.code(with: &coder)
            self = .connectionUpdateSecret(fields)
        case .connectionUpdateSecretOk(var fields):
            try fields.code(with: &coder)
            self = .connectionUpdateSecretOk(fields)
        case .channelOpen(var fields):
            try fields.code(with: &coder)
            self = .channelOpen(fields)
        case .channelOpenOk(var fields):
            try fields.code(with: &coder)
            self = .channelOpenOk(fields)
        case .channelFlow(var fields):
            try fields.code(with: &coder)
            self = .channelFlow(fields)
        case .channelFlowOk(var fields):
            try fields.code(with: &coder)
            self = .channelFlowOk(fields)
        case .channelClose(var fields):
            try fields.code(with: &coder)
            self = .channelClose(fields)
        case .channelCloseOk(var fields):
            try fields.code(with: &coder)
            self = .channelCloseOk(fields)
        case .exchangeDeclare(var fields):
            try fields.code(with: &coder)
            self = .exchangeDeclare(fields)
        case .exchangeDeclareOk(var fields):
            try fields.code(with: &coder)
            self = .exchangeDeclareOk(fields)
        case .exchangeDelete(var fields):
            try fields.code(with: &coder)
            self = .exchangeDelete(fields)
        case .exchangeDeleteOk(var fields):
            try fields.code(with: &coder)
            self = .exchangeDeleteOk(fields)
        case .exchangeBind(var fields):
            try fields.code(with: &coder)
            self = .exchangeBind(fields)
        case .exchangeBindOk(var fields):
            try fields.code(with: &coder)
            self = .exchangeBindOk(fields)
        case .exchangeUnbind(var fields):
            try fields.code(with: &coder)
            self = .exchangeUnbind(fields)
        case .exchangeUnbindOk(var fields):
            try fields.code(with: &coder)
            self = .exchangeUnbindOk(fields)
        case .queueDeclare(var fields):
            try fields.code(with: &coder)
            self = .queueDeclare(fields)
        case .queueDeclareOk(var fields):
            try fields.code(with: &coder)
            self = .queueDeclareOk(fields)
        case .queueBind(var fields):
            try fields.code(with: &coder)
            self = .queueBind(fields)
        case .queueBindOk(var fields):
            try fields.code(with: &coder)
            self = .queueBindOk(fields)
        case .queuePurge(var fields):
            try fields.code(with: &coder)
            self = .queuePurge(fields)
        case .queuePurgeOk(var fields):
            try fields.code(with: &coder)
            self = .queuePurgeOk(fields)
        case .queueDelete(var fields):
            try fields.code(with: &coder)
            self = .queueDelete(fields)
        case .queueDeleteOk(var fields):
            try fields.code(with: &coder)
            self = .queueDeleteOk(fields)
        case .queueUnbind(var fields):
            try fields.code(with: &coder)
            self = .queueUnbind(fields)
        case .queueUnbindOk(var fields):
            try fields.code(with: &coder)
            self = .queueUnbindOk(fields)
        case .basicQos(var fields):
            try fields.code(with: &coder)
            self = .basicQos(fields)
        case .basicQosOk(var fields):
            try fields.code(with: &coder)
            self = .basicQosOk(fields)
        case .basicConsume(var fields):
            try fields.code(with: &coder)
            self = .basicConsume(fields)
        case .basicConsumeOk(var fields):
            try fields.code(with: &coder)
            self = .basicConsumeOk(fields)
        case .basicCancel(var fields):
            try fields.code(with: &coder)
            self = .basicCancel(fields)
        case .basicCancelOk(var fields):
            try fields.code(with: &coder)
            self = .basicCancelOk(fields)
        case .basicPublish(var fields):
            try fields.code(with: &coder)
            self = .basicPublish(fields)
        case .basicReturn(var fields):
            try fields.code(with: &coder)
            self = .basicReturn(fields)
        case .basicDeliver(var fields):
            try fields.code(with: &coder)
            self = .basicDeliver(fields)
        case .basicGet(var fields):
            try fields.code(with: &coder)
            self = .basicGet(fields)
        case .basicGetOk(var fields):
            try fields.code(with: &coder)
            self = .basicGetOk(fields)
        case .basicGetEmpty(var fields):
            try fields.code(with: &coder)
            self = .basicGetEmpty(fields)
        case .basicAck(var fields):
            try fields.code(with: &coder)
            self = .basicAck(fields)
        case .basicReject(var fields):
            try fields.code(with: &coder)
            self = .basicReject(fields)
        case .basicRecoverAsync(var fields):
            try fields.code(with: &coder)
            self = .basicRecoverAsync(fields)
        case .basicRecover(var fields):
            try fields.code(with: &coder)
            self = .basicRecover(fields)
        case .basicRecoverOk(var fields):
            try fields.code(with: &coder)
            self = .basicRecoverOk(fields)
        case .basicNack(var fields):
            try fields.code(with: &coder)
            self = .basicNack(fields)
        case .confirmSelect(var fields):
            try fields.code(with: &coder)
            self = .confirmSelect(fields)
        case .confirmSelectOk(var fields):
            try fields.code(with: &coder)
            self = .confirmSelectOk(fields)
        case .txSelect(var fields):
            try fields.code(with: &coder)
            self = .txSelect(fields)
        case .txSelectOk(var fields):
            try fields.code(with: &coder)
            self = .txSelectOk(fields)
        case .txCommit(var fields):
            try fields.code(with: &coder)
            self = .txCommit(fields)
        case .txCommitOk(var fields):
            try fields.code(with: &coder)
            self = .txCommitOk(fields)
        case .txRollback(var fields):
            try fields.code(with: &coder)
            self = .txRollback(fields)
        case .txRollbackOk(var fields):
            try fields.code(with: &coder)
            self = .txRollbackOk(fields)
        }
    }
}
