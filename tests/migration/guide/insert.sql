-- Test coordination table access
   INSERT INTO claude_code_sessions (id, name, user_id) 
   VALUES ('test_session', 'Test Session', 'test_user');
