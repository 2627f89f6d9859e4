/** Calls Twinledger with the events that its other triggers publish, as the user of TwinledgerRecordChange's settings. */
trigger TwinledgerRecordChange on Record_Change__e(after insert) {
    System.enqueueJob(new TwinledgerDeletions(Trigger.new));
}
