-- A deleted session takes its rows along, and a plain INSERT of the guide's columns becomes a lease like any other.
CREATE TRIGGER coordination_delete_session_rows AFTER DELETE ON claude_code_sessions
FOR EACH ROW EXECUTE FUNCTION coordination_delete_session_rows();

CREATE TRIGGER coordination_complete_file_lock BEFORE INSERT ON file_locks
FOR EACH ROW WHEN (new.path_key IS NULL) EXECUTE FUNCTION coordination_complete_file_lock();
